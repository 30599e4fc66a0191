"""Injects every fault and prints a table of what each one does. See ../faults.sh."""

import argparse
import os
import random
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import damage
import kills
import sharing
import storage
import syscalls
import terminal
from lab import Lab

# Name, what it needs (root, strace, a C compiler), and what does it: returns tries and a remark.
FAULTS = [
    ("order of syncs, run", "strace", syscalls.durable("run")),
    ("order of syncs, run of several starts", "strace", syscalls.durable("starts")),
    ("order of syncs, sweep", "strace", syscalls.durable("sweep")),
    ("each writing call fails, run", "strace", syscalls.failing("run", 30)),
    ("each writing call fails, run of several starts", "strace", syscalls.failing("starts", 26)),
    ("each writing call fails, sweep", "strace", syscalls.failing("sweep", 30)),
    ("each writing call fails, starting over (--force)", "strace", syscalls.failing("forced", 20)),
    ("each writing call fails, publishing a study", "strace", syscalls.failing("publish", 16)),
    ("read-only from some writing call on, run", "strace", syscalls.failing("run", 8, "EROFS")),
    ("kill -9 at each writing call, run", "strace", syscalls.killed("run", 30)),
    ("kill -9 at each writing call, run of several starts", "strace", syscalls.killed("starts", 26)),
    ("kill -9 at each writing call, sweep", "strace", syscalls.killed("sweep", 30)),
    ("kill -9 at each writing call, starting over (--force)", "strace", syscalls.killed("forced", 24)),
    ("kill -9 at each writing call, publishing a study", "strace", syscalls.killed("publish", 16)),
    ("disk full, ever a little larger, run", "root", storage.full("run", 36)),
    ("disk full, ever a little larger, sweep", "root", storage.full("sweep", 200)),
    ("inode table full, ever a little larger, run", "root", storage.no_inodes("run", 24)),
    ("inode table full, ever a little larger, sweep", "root", storage.no_inodes("sweep", 96)),
    ("limit on the size of files (ulimit -f)", "", storage.size_limit),
    ("read-only file system", "root", storage.read_only),
    ("directory without permission", "setpriv", storage.forbidden),
    ("directory deleted in the middle, run", "", storage.vanished("long run")),
    ("directory deleted in the middle, sweep", "", storage.vanished("long sweep")),
    ("directory moved away and back, sweep", "", storage.moved),
    ("model unreadable in the middle of a study", "", storage.model_gone),
    ("checkpoint truncated", "strace", damage.damaged("run", damage.truncations)),
    ("checkpoint with a flipped bit", "strace", damage.damaged("run", damage.flips)),
    ("checkpoint of a start damaged", "strace", damage.damaged("starts", damage.truncations)),
    ("checkpoint of a sweep's run damaged", "strace", damage.damaged("sweep", damage.flips)),
    ("newest checkpoint missing", "strace", damage.missing),
    ("both checkpoints damaged, run", "strace", damage.both_of_a_run),
    ("both checkpoints damaged, sweep", "strace", damage.both_of_a_sweep),
    ("two processes on the same run", "", sharing.same_run),
    ("two processes on the same study", "", sharing.same_study),
    ("clock that jumps back", "cc", sharing.clock),
    ("stdout is a pipe that nobody reads", "", terminal.broken_pipe),
    ("closed stdout, stderr, both", "", terminal.closed),
    ("full stdout, full stderr", "", terminal.full),
    ("terminal resized in the middle", "", terminal.resized),
    ("terminal gone in the middle", "", terminal.gone),
    ("hang-up under nohup", "", terminal.nohup),
    ("SIGINT, SIGTERM, SIGHUP", "", terminal.signals),
    ("kill -9 at random moments, sweep", "", kills.at_random),
]

LONGEST = 250  # characters of a message in the table


def missing(need, lab):
    """What a fault needs and this machine lacks."""
    if need == "root":
        return None if lab.is_root else "needs root, for a small file system"
    if need == "setpriv" and lab.is_root:
        return None if shutil.which("setpriv") else "needs setpriv, as root"
    tool = {"strace": "strace", "cc": "cc"}.get(need)
    return None if tool is None or shutil.which(tool) else f"needs {tool}"


def counted(values):
    """Exit codes, with how often each came where it was not always the same."""
    counts = Counter(v for v in values if v is not None)
    if len(counts) == 1:
        return str(next(iter(counts)))
    return ", ".join(f"{value} ({count})" for value, count in sorted(counts.items())) or "-"


def row(name, tries, remark):
    messages = Counter(t.message for t in tries if t.message)
    said = messages.most_common(1)[0][0] if messages else "-"
    if len(said) > LONGEST:
        said = said[: LONGEST - 3] + "..."
    restarts = counted(t.restart for t in tries)
    different = sum(t.different for t in tries)
    codes = counted(t.code for t in tries)
    said = said.replace("|", "\\|")
    return f"| {name} | {len(tries)} | {said} | {codes} | {restarts} | {different} | {remark} |"


def main():
    parser = argparse.ArgumentParser(prog="faults.sh", description=__doc__)
    parser.add_argument("--long", nargs="?", const=200, type=int, metavar="KILLS")
    parser.add_argument("--only", default="", metavar="PATTERN")
    arguments = parser.parse_args()
    random.seed(int(os.environ.get("SEED", "1")))
    work = Path(tempfile.mkdtemp(prefix="faults-"))
    work.chmod(0o755)
    lab = Lab(work, os.environ["COMPRESS"], arguments.long)
    rows, problems, left_out = [], [], []
    for name, need, fault in FAULTS:
        if not re.search(arguments.only, name):
            continue
        lack = missing(need, lab)
        if lack:
            left_out.append(f"{name}: {lack}")
            continue
        began = time.monotonic()
        tries, remark = fault(lab)
        rows.append(row(name, tries, remark))
        wrong = [f"{name}: " + "\n  ".join(t.problems) for t in tries if t.problems]
        problems += wrong
        seconds = time.monotonic() - began
        print(f"{name}: {len(tries)} tries, {len(wrong)} wrong, {seconds:.1f} s", flush=True)
        for text in wrong[:5]:
            print(f"  {text}", flush=True)
    print("\n| fault | tries | message | exit | restart | bytes different | remark |")
    print("|---|---|---|---|---|---|---|")
    print("\n".join(rows))
    for text in left_out:
        print(f"left out: {text}")
    if problems or (left_out and lab.is_root):
        sys.exit(f"{len(problems)} tries went wrong, {len(left_out)} faults left out; see {work}")
    shutil.rmtree(work)
    print("passed: every fault has its message and exit code, and every restart is byte-identical")


if __name__ == "__main__":
    main()
