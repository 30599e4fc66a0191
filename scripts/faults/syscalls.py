"""Faults at single system calls, which strace makes fail or turns into a kill."""

import re
from collections import Counter, defaultdict

from lab import Try

# Everything that changes a disk, and what opens a file for it.
WRITING = (
    "write pwrite64 writev fsync fdatasync rename renameat renameat2 link linkat symlink symlinkat openat "
    "mkdir mkdirat ftruncate fallocate unlink unlinkat flock"
).split()
# What a call answers on a machine in trouble; a full disk where nothing else is said.
ANSWERS = {"fsync": "EIO", "fdatasync": "EIO", "unlink": "EIO", "unlinkat": "EIO", "flock": "ENOLCK"}
TEXTS = {
    "ENOSPC": "No space left on device",
    "EIO": "Input/output error",
    "ENOLCK": "No locks available",
    "EROFS": "Read-only file system",
}
CALL = re.compile(r"^(\d+) +(\w+)\((.*)\) += (\S+)")


def traced(*options, output="/dev/null"):
    return ["strace", "-f", "-qq", "-y", "-o", output, *options]


def trace(lab, subject):
    """The writing system calls of an undisturbed run that go to its directory, DIR/out: thread, call,
    arguments, result, and how often the thread had made this call by then; in order."""
    place = lab.place()
    home = place.parent
    subject.prepare(place)
    log = home / "trace"
    calls = "trace=" + ",".join(WRITING)
    ended = lab.call([*subject.arguments, str(place)], traced("-e", calls, output=str(log)))
    assert ended.code == 0, ended.err
    counts, found = Counter(), []
    for line in whole_lines(log):
        match = CALL.match(line)
        if not match:
            continue
        thread, call, arguments, result = match.groups()
        counts[thread, call] += 1
        if str(home) in arguments:
            arguments = arguments.replace(str(home), "DIR")
            found.append((thread, call, arguments, result, counts[thread, call]))
    return found


def whole_lines(log):
    """The log's calls; one that another thread interrupted is put together again."""
    begun = {}
    for line in log.read_text().splitlines():
        thread = line.split(" ", 1)[0]
        if line.endswith("<unfinished ...>"):
            begun[thread] = line.removesuffix("<unfinished ...>").rstrip()
        elif "resumed>" in line and thread in begun:
            yield begun.pop(thread) + line.split("resumed>", 1)[1]
        else:
            yield line


def points(lab, name):
    """Where to inject: each kind of call with the numbers that go to the results. A number counts for every
    thread, so those by which the first one is still being loaded are left out."""
    calls = trace(lab, lab.subject(name))
    main = calls[0][0]
    numbers, first = defaultdict(set), {}
    for thread, call, _, _, number in calls:
        numbers[call].add(number)
        if thread == main:
            first.setdefault(call, number)
    return [
        (call, number)
        for call in sorted(numbers)
        for number in sorted(numbers[call])
        if number >= first.get(call, 1)
    ]


def kinds(chosen, of):
    counts = Counter(call for call, _ in chosen)
    each = ", ".join(f"{count} {call}" for call, count in sorted(counts.items()))
    return f"{len(chosen)} of {len(of)} calls: {each}"


def sampled(lab, all_points, count):
    """A share of each kind of call, the first and the last of each always."""
    chosen = []
    for call in sorted({call for call, _ in all_points}):
        of_kind = [point for point in all_points if point[0] == call]
        chosen += lab.sample(of_kind, max(2, round(count * len(of_kind) / len(all_points))))
    return chosen


def injected(lab, subject, call, when, what):
    injection = f"inject={call}:{what}:when={when}"
    prefix = traced("-e", f"trace={call}", "-e", injection)
    return lambda place: lab.call([*subject.arguments, str(place)], prefix)


def reached(name, call, *codes):
    """The exit codes to expect. A thread counts its own calls, and which of two workers makes how many is not
    the same each time; nor is which thread opens a file of the system's memory allocator. A temporary file
    need not be locked."""
    uncertain = name in ("sweep", "publish") or call in ("openat", "flock")
    return (0, *codes) if uncertain else codes


def failing(name, count, answer=None):
    """Every writing system call of a subject fails in turn: once, or with this answer from then on."""

    def fault(lab):
        subject = lab.subject(name)

        def at(point):
            call, number = point
            error = answer or ANSWERS.get(call, "ENOSPC")

            def also(ended, place):
                problems = []
                # See `reached`: sometimes nothing fails.
                if ended.code != 0 and TEXTS[error] not in ended.err:
                    problems.append(f"`{TEXTS[error]}` is not in: {ended.err}")
                # What cannot be deleted stays; the next session deletes it.
                if any(place.rglob(".writing-*")) and not ("unlink" in call or answer):
                    problems.append("a temporary file was left")
                return problems

            when = f"{number}+" if answer else number
            disturb = injected(lab, subject, call, when, f"error={error}")
            attempt = lab.attempt(subject, disturb, reached(name, call, 1, 2), also=also)
            if attempt.problems:
                attempt.problems.insert(0, f"{error} at {call} number {number}")
            return attempt

        # Whoever can write nothing from then on cannot say so either.
        able = [(call, n) for call, n in points(lab, name) if not (answer and call == "write")]
        chosen = sampled(lab, able, count)
        return lab.each(at, chosen), kinds(chosen, able)

    return fault


def killed(name, count):
    """SIGKILL at every writing system call of a subject."""

    def fault(lab):
        subject = lab.subject(name)

        def at(point):
            call, number = point
            disturb = injected(lab, subject, call, number, "signal=SIGKILL")
            attempt = lab.attempt(subject, disturb, reached(name, call, -9))
            if attempt.problems:
                attempt.problems.insert(0, f"killed at {call} number {number}")
            return attempt

        all_points = points(lab, name)
        chosen = sampled(lab, all_points, count)
        return lab.each(at, chosen), kinds(chosen, all_points)

    return fault


def durable(name):
    """The order of the calls: what is renamed was synced before, what was renamed or made is synced in its
    directory before the next file is begun, and tables have no unsynced row when a checkpoint follows."""

    def fault(lab):
        attempt = Try(code=0)
        unsynced, directories, checks = defaultdict(set), defaultdict(set), 0
        for thread, call, arguments, result, _ in trace(lab, lab.subject(name)):
            if result.startswith("-1"):
                continue
            paths = re.findall(r'DIR[^"<>]*', arguments)
            path = paths[0]
            checks += 1
            if call == "write":
                unsynced[thread].add(path)
            elif call in ("fsync", "fdatasync"):
                unsynced[thread].discard(path)
                directories[thread].discard(path)
            elif call == "mkdir":
                directories[thread].add(path.rpartition("/")[0])
            elif call == "openat" and "O_CREAT" in arguments and ".writing-" in path:
                if directories[thread]:
                    attempt.problems.append(f"{path} is begun before {directories[thread]} is synced")
            elif call.startswith("rename"):
                target = paths[-1]
                if path in unsynced[thread]:
                    attempt.problems.append(f"{target} was renamed before it was synced")
                run = target.rpartition("/")[0]
                rows = {p for p in unsynced[thread] if p.startswith(run) and ".writing-" not in p}
                if "checkpoint" in target and rows:
                    attempt.problems.append(f"{target} was renamed before {rows} were synced")
                directories[thread].add(run)
        left = set().union(*unsynced.values(), *directories.values())
        if left:
            attempt.problems.append(f"left unsynced: {left}")
        attempt.message = f"{checks} calls in order"
        return [attempt], "no fault: the order of write, fsync, rename, fsync of the directory"

    return fault
