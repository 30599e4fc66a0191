"""Standard output and error that are closed, full or gone; terminals; signals."""

import fcntl
import os
import pty
import signal
import struct
import termios
import threading
import time

from storage import wait_for_rows


def redirected(lab, subject, place, redirection):
    """Through a shell, which closes what this process cannot."""
    command = ["sh", "-c", f'exec "$@" {redirection}', "sh"]
    return lab.call([*subject.arguments, str(place)], command)


def all_of(lab, redirections, codes, says=()):
    tries = []
    for redirection in redirections:
        for name in ("run", "sweep"):
            subject = lab.subject(name)
            disturb = lambda place: redirected(lab, subject, place, redirection)  # noqa: E731
            tries.append(lab.attempt(subject, disturb, codes, says))
    return tries


def broken_pipe(lab):
    tries = []
    for name in ("run", "sweep"):
        subject = lab.subject(name)

        def disturb(place):
            reader, writer = os.pipe()
            os.close(reader)
            try:
                return lab.call([*subject.arguments, str(place)], stdout=writer)
            finally:
                os.close(writer)

        tries.append(lab.attempt(subject, disturb, (0,)))
    return tries, "as in compress ... \\| head -0: the work is done, nothing is said"


def closed(lab):
    return all_of(lab, [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"], (0,)), "the work is done"


def full(lab):
    tries = all_of(lab, [">/dev/full"], (1,), ["cannot write to standard output: No space left"])
    return tries + all_of(lab, ["2>/dev/full"], (0,)), "the results are complete before anything is said"


def on_terminal(lab, subject, place):
    """Starts a command that shows its progress on a terminal of its own, and reads what it draws."""
    master, slave = pty.openpty()
    arguments = [a for a in subject.arguments if a != "--quiet"]

    def take():
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    streams = {"stdin": slave, "stdout": slave, "stderr": slave}
    child = lab.start([*arguments, str(place)], preexec_fn=take, **streams)
    os.close(slave)
    drawn = bytearray()

    def read():
        try:
            while chunk := os.read(master, 65536):
                drawn.extend(chunk)
        except OSError:
            return  # the terminal is gone, or its last user

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    return child, master, reader, drawn


def resized(lab):
    tries = []
    for name in ("long run", "long sweep"):
        subject = lab.subject(name)

        def disturb(place):
            child, master, reader, drawn = on_terminal(lab, subject, place)
            wait_for_rows(child, place)
            for rows, columns in [(1, 1), (0, 0), (24, 80), (3, 2), (200, 500), (65535, 65535), (2, 20)] * 3:
                fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
                time.sleep(0.02)
            ended = lab.ended(child)
            reader.join()
            os.close(master)
            ended.err = drawn.decode(errors="replace")
            assert "panicked" not in ended.err, ended.err[-2000:]
            ended.err = ""
            return ended

        tries.append(lab.attempt(subject, disturb, (0,)))
    return tries, "21 sizes from 0 x 0 to 65535 x 65535"


def gone(lab):
    tries = []
    for name in ("long run", "long sweep"):
        subject = lab.subject(name)

        def disturb(place):
            child, master, reader, _ = on_terminal(lab, subject, place)
            wait_for_rows(child, place)
            hang_up(master, reader)
            return lab.ended(child)

        tries.append(lab.attempt(subject, disturb, (130,)))
    return tries, "a checkpoint is written, as at Ctrl-C"


def hang_up(master, reader):
    """Closes the terminal: the reader must not hold it, or the system does not notice."""
    read_end = os.open(os.devnull, os.O_RDONLY)
    os.dup2(read_end, master)
    os.close(read_end)
    reader.join(timeout=10)
    os.close(master)


def nohup(lab):
    """Whoever starts a run with nohup wants it to survive its terminal."""
    tries = []
    for name in ("long run", "long sweep"):
        subject = lab.subject(name)

        def disturb(place):
            child = lab.start([*subject.arguments, str(place)], ["nohup"])
            wait_for_rows(child, place)
            child.send_signal(signal.SIGHUP)
            return lab.ended(child)

        tries.append(lab.attempt(subject, disturb, (0,)))
    return tries, "it goes on"


def signals(lab):
    tries = []
    for name in ("long run", "long sweep"):
        subject = lab.subject(name)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):

            def disturb(place):
                child = lab.start([*subject.arguments, str(place)])
                wait_for_rows(child, place)
                child.send_signal(number)
                return lab.ended(child)

            says = ["stopped", "the same command resumes"]
            tries.append(lab.attempt(subject, disturb, (130,), says))
    tries += [stopped_publishing(lab, moment) for moment in (0.05, 0.1, 0.2, 0.4)]
    return tries, "a checkpoint is written; `publish` leaves whole files"


def stopped_publishing(lab, moment):
    """A signal after so many seconds of what is made of a finished study."""

    def disturb(place):
        child = lab.start([*subject.arguments, str(place)])
        time.sleep(moment)
        child.send_signal(signal.SIGTERM)
        return lab.ended(child)

    subject = lab.subject("publish")
    return lab.attempt(subject, disturb, (130, 0))
