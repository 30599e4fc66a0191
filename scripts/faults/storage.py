"""Disks that are full, read-only or gone, and models that cannot be read."""

import contextlib
import resource
import shutil
import subprocess
import time

from lab import ROOT, Subject, Try, complaints

PAGE = 4096  # a tmpfs counts in pages
NOBODY = 65534
AGAIN = "it is not recreated meanwhile; the same command begins from nothing"


def mount(place, options):
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=True)


@contextlib.contextmanager
def small_disk(lab, options):
    """A file system of its own, with the place for results on it."""
    disk = lab.place().parent
    disk.mkdir()
    mount(disk, options)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def chain(lab, name, options, limits, says):
    """One session after the other on a disk that grows a little each time, so that each one fails a little
    later, until one fits."""
    subject, tries = lab.subject(name), []
    with small_disk(lab, options(limits[0])) as disk:
        for limit in limits:
            subprocess.run(["mount", "-o", f"remount,{options(limit)}", disk], check=True)
            ended = lab.call([*subject.arguments, str(disk / "out")])
            attempt = Try(ended.code, ended.message.replace(str(disk / "out"), "DIR"))
            tries.append(attempt)
            if ended.code == 0:
                attempt.message = ""
                lab.restart(subject, disk / "out", attempt)
                return tries, f"{len(tries) - 1} sessions failed, the next one ended the work"
            attempt.problems += complaints(ended, (1, 2), says)
    tries[-1].problems.append("it did not end on the largest disk either")
    return tries, ""


def full(name, pages):
    def fault(lab):
        step = 1 if lab.long or name == "run" else 4
        limits = range(1, 2 * pages, step)
        return chain(lab, name, lambda n: f"size={n * PAGE}", limits, ["No space left on device"])

    return fault


def no_inodes(name, count):
    def fault(lab):
        step = 1 if lab.long or name == "run" else 4
        limits = range(2, 2 * count, step)
        options = lambda n: f"size=64m,nr_inodes={n}"  # noqa: E731
        return chain(lab, name, options, limits, ["No space left on device"])

    return fault


def size_limit(lab):
    subject = lab.subject("run")

    def at(limit):
        def limited(place):
            # In the child alone: this process writes files, too.
            set_limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))  # noqa: E731
            return lab.call([*subject.arguments, str(place)], preexec_fn=set_limit)

        return lab.attempt(subject, limited, (1,), ["File too large"])

    return lab.each(at, lab.sample(range(0, 18000, 500), 6)), "from 0 to 18 kB"


def read_only(lab):
    """Before the first session, and before the one that would go on."""
    tries = []
    for name in ("run", "sweep"):
        subject = lab.subject(name)
        for begun in (False, True):
            with small_disk(lab, "size=64m") as disk:
                place = disk / "out"
                if begun:
                    child = lab.start([*lab.subject("long " + name).arguments, str(place)])
                    wait_for_rows(child, place)
                    child.terminate()
                    lab.ended(child)
                    subject = lab.subject("long " + name)
                subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
                ended = lab.call([*subject.arguments, str(place)])
                attempt = Try(ended.code, ended.message.replace(str(place), "DIR"))
                attempt.problems += complaints(ended, (1, 2), ["Read-only file system"])
                subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
                lab.restart(subject, place, attempt)
                tries.append(attempt)
    return tries, "run and sweep, to be begun and to be gone on with"


def forbidden(lab):
    """A directory that its user may not write to; root may, so another user tries."""
    tries = []
    prefix = []
    if lab.is_root:
        prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    for name in ("run", "sweep"):
        subject = lab.subject(name)

        def disturb(place):
            place.parent.chmod(0o555)
            return lab.call([*subject.arguments, str(place)], prefix)

        says = ["cannot make the directory", "Permission denied"]
        mend = lambda place: place.parent.chmod(0o755)  # noqa: E731
        tries.append(lab.attempt(subject, disturb, (1, 2), says, mend=mend))
    return tries, "run and sweep"


def wait_for_rows(child, place, rows=3):
    """Until some run has begun and logged so many rows."""
    began = time.monotonic()
    while child.poll() is None and time.monotonic() - began < 60:
        with contextlib.suppress(OSError):
            logs = [path.read_bytes().count(b"\n") for path in place.rglob("metrics.csv")]
            if max(logs, default=0) > rows:
                return
        time.sleep(0.01)
    raise AssertionError("it was over before it could be disturbed")


def vanished(name):
    def fault(lab):
        subject = lab.subject(name)

        def disturb(place):
            child = lab.start([*subject.arguments, str(place)])
            wait_for_rows(child, place)
            # In one step: what is deleted file by file is written again meanwhile.
            place.rename(place.parent / "deleted")
            shutil.rmtree(place.parent / "deleted")
            ended = lab.ended(child)
            assert not place.exists(), "it recreated the directory"
            return ended

        return [lab.attempt(subject, disturb, (1,), ["error: cannot"]) for _ in range(3)], AGAIN

    return fault


def moved(lab):
    subject = lab.subject("long sweep")

    def disturb(place):
        child = lab.start([*subject.arguments, str(place)])
        wait_for_rows(child, place)
        place.rename(place.parent / "elsewhere")
        ended = lab.ended(child)
        (place.parent / "elsewhere").rename(place)
        return ended

    return [lab.attempt(subject, disturb, (1,), ["the study's directory was moved or deleted"])], "it goes on"


def model_gone(lab):
    """The second of two models can no longer be read when its turn comes: deleted, cut off, a directory."""

    def damage(kind, model):
        content = model.read_bytes()
        model.unlink()
        if kind == "cut off":
            model.write_bytes(content[: len(content) // 2])
        if kind == "a directory":
            model.mkdir()

    def restore(model):
        if model.is_dir():
            model.rmdir()
        shutil.copy(ROOT / "models/frac_prevs.safetensors", model)

    home = lab.place().parent
    home.mkdir()
    models = [home / "first.safetensors", home / "second.safetensors"]
    for model in models:
        restore(model)
    study = home / "study.toml"
    study.write_text(
        f'name = "models"\nquestion = "?"\nbase = "{ROOT}/configs/frac_prevs.toml"\n'
        f'[grid]\n"model.path" = ["{models[0]}", "{models[1]}"]\n"training.seed" = [0, 1]\n'
        "[override.training]\nsteps = 10000\nlog_every = 500\ncheckpoint_every = 300\n"
    )
    arguments = ["sweep", str(study), "--jobs", "1", "--quiet", "--output"]
    subject = Subject(arguments, lab.place())
    whole = lab.call([*arguments, str(subject.whole)])
    assert whole.code == 0, whole.err

    def at(kind):
        def disturb(place):
            child = lab.start([*arguments, str(place)])
            wait_for_rows(child, place)
            damage(kind, models[1])
            return lab.ended(child)

        says = ["2 of 4 runs of models failed", "second.safetensors"]
        return lab.attempt(subject, disturb, (1,), says, mend=lambda _: restore(models[1]))

    tries = [at(kind) for kind in ("deleted", "cut off", "a directory")]
    return tries, "deleted, cut off, a directory; the runs of the other model are complete"
