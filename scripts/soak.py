"""Watches long work of compress from outside, for soak.sh: memory, open files, threads, speed.

A sample is taken every so often; start, middle and end are the samples whose progress is from 5 to 15 %, 45 to
55 % and 85 to 95 % of the work. What is compared with the bounds is the end beside the start.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = os.environ["COMPRESS"]
JOBS = os.environ.get("JOBS", str(os.cpu_count()))

# What the end may have more than the start. A run holds the same all along: a few MiB are the allocator's. A sweep
# keeps the figures of each run that is over, some KiB a run.
RUN_KIB = 4 * 1024
SWEEP_KIB = 4 * 1024
SWEEP_KIB_A_RUN = 8
FILES = 4
THREADS = 0

WINDOWS = [("start", 0.05, 0.15), ("middle", 0.45, 0.55), ("end", 0.85, 0.95)]


class Sample:
    """What /proc says of a process at one moment, and how far its work is."""

    def __init__(self, pid, begun, progress):
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        self.seconds = time.monotonic() - begun
        self.progress = progress
        self.rss = int(fields["VmRSS"].split()[0])
        self.peak = int(fields["VmHWM"].split()[0])
        self.threads = int(fields["Threads"])
        self.files = len(os.listdir(f"/proc/{pid}/fd"))


def watch(command, whole, progress, pause):
    """Runs a command and samples it; `progress` says how much of `whole` is done."""
    begun = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    samples = []
    try:
        while process.poll() is None:
            try:
                samples.append(Sample(process.pid, begun, progress() / whole))
            except (OSError, KeyError, ValueError):
                pass  # it is just beginning, or over
            time.sleep(pause)
        _, errors = process.communicate()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit code {process.returncode}\n{errors}")
    return samples


def last_line(path, length=4096):
    """The last whole line of a file that grows."""
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - length))
        lines = file.read().split(b"\n")
    return lines[-2].decode() if len(lines) > 1 else ""


def logged_step(path):
    """The last step of a metrics.csv; 0 where there is none."""
    try:
        return int(last_line(path).split(",")[0])
    except (OSError, ValueError):
        return 0


def lines(path):
    """The number of lines below the header."""
    try:
        return path.read_bytes().count(b"\n") - 1
    except OSError:
        return 0


def summarise(name, unit, whole, samples, kib):
    """Prints the table of some work; what grew too much."""
    print(f"\n{name}\n")
    print(f"| | progress | memory (RSS) | its peak | open files | threads | {unit}/s |")
    print("|---|---|---|---|---|---|---|")
    found = {}
    for window, low, high in WINDOWS:
        those = [s for s in samples if low <= s.progress <= high]
        if len(those) < 2:
            return [f"{name}: too few samples at the {window}"]
        first, last = those[0], those[-1]
        speed = whole * (last.progress - first.progress) / (last.seconds - first.seconds)
        rss, peak = (max(s.rss for s in those), max(s.peak for s in those))
        files, threads = max(s.files for s in those), max(s.threads for s in those)
        found[window] = (rss, files, threads)
        print(
            f"| {window} | {low:.0%} to {high:.0%} | {rss / 1024:.1f} MiB | {peak / 1024:.1f} MiB | {files} "
            f"| {threads} | {speed:.4g} |"
        )
    grown = []
    for what, at, allowed in (("KiB of memory", 0, kib), ("open files", 1, FILES), ("threads", 2, THREADS)):
        start, end = found["start"][at], found["end"][at]
        if end > start + allowed:
            grown.append(f"{name}: {start} {what} at the start, {end} at the end, allowed are {allowed} more")
    print(
        f"\n{len(samples)} samples; allowed at the end beside the start: {kib / 1024:.1f} MiB, {FILES} open files, "
        f"{THREADS} threads"
    )
    return grown


def long_run(work, steps, every):
    """One long run."""
    run = work / "run"
    command = [PROGRAM, "--config", str(ROOT / "configs/frac_prevs.toml"), "--output", str(run), "--quiet"]
    for key, value in (("steps", steps), ("log_every", every), ("checkpoint_every", 10 * every)):
        command += ["--set", f"training.{key}={value}"]
    samples = watch(command, steps, lambda: logged_step(run / "metrics.csv"), 2 * every / 100_000)
    return summarise(f"One run of {steps:,} steps, logged every {every:,}", "steps", steps, samples, RUN_KIB)


def many_runs(work, seeds, steps):
    """One sweep of many short runs."""
    (work / "study.toml").write_text(
        f'name = "soak"\nquestion = "Does anything grow?"\nbase = "{ROOT}/configs/frac_prevs.toml"\n'
        f'[grid]\n"compression.dim" = [6, 8]\n"training.seed" = {{ from = 0, count = {seeds} }}\n'
    )
    study, runs = work / "study", 2 * seeds
    command = [PROGRAM, "sweep", str(work / "study.toml"), "--output", str(study), "--quiet", "--jobs", JOBS]
    for key, value in (("steps", steps), ("log_every", steps // 4), ("checkpoint_every", steps)):
        command += ["--set", f"training.{key}={value}"]
    samples = watch(command, runs, lambda: lines(study / "runs.csv"), 0.1 if seeds < 100 else 1)
    return summarise(
        f"One sweep of {runs:,} runs of {steps:,} steps, {JOBS} jobs",
        "runs",
        runs,
        samples,
        SWEEP_KIB + SWEEP_KIB_A_RUN * runs,
    )


def main():
    if sys.argv[1:] not in ([], ["--short"]):
        sys.exit("usage: soak.sh [--short]")
    short = sys.argv[1:] == ["--short"]
    with tempfile.TemporaryDirectory() as directory:
        work = pathlib.Path(directory)
        grown = long_run(work, *((400_000, 1_000) if short else (20_000_000, 5_000)))
        grown += many_runs(work, *((30, 400) if short else (1_000, 2_000)))
    if grown:
        sys.exit("\n".join(grown))
    print("nothing grows")


main()
