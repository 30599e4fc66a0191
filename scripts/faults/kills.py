"""A sweep that is killed at random moments, again and again, until it is complete."""

import random
import time

from lab import LOCKS, ROOT, Subject, Try, different_bytes

STEPS = 1000  # of each of the 242 runs of the long form


def study(lab):
    """The subject, and how often to kill it."""
    if not lab.long:
        return Subject(lab.sweep_arguments(10000, 500, 300), lab.place()), 8
    arguments = ["sweep", str(ROOT / "experiments/frac_prevs_dims.toml"), "--jobs", "2", "--quiet"]
    for key in (f"steps={STEPS}", "log_every=100", "checkpoint_every=100"):
        arguments += ["--set", f"training.{key}"]
    return Subject([*arguments, "--output"], lab.place()), lab.long


def at_random(lab):
    subject, kills = study(lab)
    seconds = timed(lab, subject)
    start = timed(lab, subject)  # complete by now: what a sweep takes before it works
    place, attempt = lab.place(), Try(code=-9)
    done, touched = 0, 0
    while done < kills:
        before = complete(place)
        child = lab.start([*subject.arguments, str(place)])
        # Uniform, and so long that between the kills the work of about one sweep is done.
        time.sleep(2 * random.random() * (seconds / kills + start))
        if child.poll() is not None:
            # It was over: once more, from nothing.
            ended = lab.ended(child)
            attempt.problems += [] if ended.code == 0 else [ended.err]
            check(subject, place, attempt)
            place = lab.place()
            continue
        child.kill()
        lab.ended(child)
        done += 1
        after = complete(place)
        touched += sum(after.get(run) != files for run, files in before.items())
        if done % 20 == 0:
            print(f"  {done} kills, {len(after)} runs complete, {started(place)} begun", flush=True)
    lab.restart(subject, place, attempt)
    if touched:
        attempt.problems.append(f"{touched} runs that were complete were touched again")
    files = sum(1 for path in subject.whole.rglob("*") if path.is_file() and path.name not in LOCKS)
    attempt.message = ""
    remark = f"{done} kills, {files} files compared; no complete run was touched again"
    return [attempt], remark


def timed(lab, subject):
    began = time.monotonic()
    ended = lab.call([*subject.arguments, str(subject.whole)])
    assert ended.code == 0, ended.err
    return time.monotonic() - began


def check(subject, place, attempt):
    different, where = different_bytes(subject.whole, place)
    attempt.different += different
    if different:
        attempt.problems.append(f"{place} differs: {where}")


def started(place):
    return len(list(place.glob("*/config.toml")))


def complete(place):
    """The files of every complete run, down to the inode and the time they were written."""
    found = {}
    for summary in place.glob("*/summary.json"):
        infos = [(path.name, path.stat()) for path in summary.parent.iterdir() if path.name not in LOCKS]
        found[summary.parent.name] = sorted((n, i.st_ino, i.st_size, i.st_mtime_ns) for n, i in infos)
    return found
