"""Where faults are tried: what is run, in which directory, and how its results are compared."""

import json
import os
import shutil
import subprocess
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# Locks carry nothing; everything else must be the same, temporary files that were left behind included.
LOCKS = {".lock", ".tables.lock"}
PATIENCE = 1800  # seconds until a command counts as hanging

STUDY = """
name = "faults"
question = "What does a fault change?"
base = "{base}"

[grid]
"compression.dim" = [4, 6]
"training.seed" = [0, 1]

[[include]]
compression = {{ method = ["pca"], dim = [6] }}

[override.training]
steps = {steps}
log_every = {log}
checkpoint_every = {checkpoint}
"""


@dataclass
class Ended:
    """A command's end."""

    code: int
    out: str
    err: str

    @property
    def message(self):
        """The line that says what is wrong, or the last one."""
        lines = [line for line in self.err.splitlines() if line.strip()]
        said = [i for i, line in enumerate(lines) if line.startswith(("error:", "warning:"))]
        if not said:
            return (lines[-1:] or [""])[0]
        first = lines[said[0]]
        # A study's error is a list: the first of it.
        return first + lines[said[0] + 1] if first.endswith(":") else first


@dataclass
class Try:
    """One fault at one moment: what was said, and what a restart made of it."""

    code: int | None = None
    message: str = ""
    restart: int | None = None
    different: int = 0
    problems: list = field(default_factory=list)


@dataclass
class Subject:
    """A command whose results go to a directory, and what they are if nothing disturbs it."""

    arguments: list
    whole: Path
    again: list = None  # the command that goes on, if it is not the same
    before: Path = None  # what is in the directory before

    def __post_init__(self):
        self.again = self.again or self.arguments

    def prepare(self, place):
        place.parent.mkdir()
        if self.before:
            shutil.copytree(self.before, place)


class Lab:
    """A directory for everything, the program, and its undisturbed results."""

    def __init__(self, work, program, long):
        self.work, self.program, self.long = work, program, long
        self.is_root = os.geteuid() == 0
        self.count = 0
        self.lock = threading.Lock()
        self.pool = ThreadPoolExecutor(os.cpu_count())
        self.subjects = {}

    def place(self):
        """A new path in the lab, with nothing there."""
        with self.lock:
            self.count += 1
            return self.work / f"{self.count}" / "out"

    def run_arguments(self, steps=300, log=50, checkpoint=70, more=()):
        """A run of frac_prevs; its directory is to be added."""
        sets = [f"steps={steps}", f"log_every={log}", f"checkpoint_every={checkpoint}", *more]
        arguments = ["--config", str(ROOT / "configs/frac_prevs.toml"), "--quiet"]
        for key in sets:
            arguments += ["--set", f"training.{key}"]
        return [*arguments, "--output"]

    def sweep_arguments(self, steps=120, log=40, checkpoint=50):
        """A sweep of five short runs with two workers; its directory is to be added."""
        path = self.work / f"study-{steps}.toml"
        base = ROOT / "configs/frac_prevs.toml"
        path.write_text(STUDY.format(base=base, steps=steps, log=log, checkpoint=checkpoint))
        return ["sweep", str(path), "--jobs", "2", "--quiet", "--output"]

    def subject(self, name):
        """A run, one with several starts, a sweep; one of them that takes a second or more; starting over in
        a directory that is full; or what is made of a finished study."""
        with self.lock:
            if name in self.subjects:
                return self.subjects[name]
        starts = "restarts={count=2,steps=100}"
        arguments = {
            "run": lambda: self.run_arguments(more=["diagnostics_every=100"]),
            "starts": lambda: self.run_arguments(200, more=[starts, "diagnostics_every=100"]),
            "sweep": self.sweep_arguments,
            "long run": lambda: self.run_arguments(90000, 500, 900),
            "long sweep": lambda: self.sweep_arguments(30000, 500, 900),
            "forced": lambda: [*self.subject("starts").arguments[:-1], "--force", "--output"],
            "publish": lambda: ["publish", "--quiet"],
        }[name]()
        before = {"forced": "starts", "publish": "sweep"}.get(name)
        before = self.subject(before).whole if before else None
        # A run that was started over is gone on with like any other.
        again = self.subject("starts").arguments if name == "forced" else None
        subject = Subject(arguments, self.place(), again, before)
        subject.prepare(subject.whole)
        ended = self.call([*arguments, str(subject.whole)])
        assert ended.code == 0, ended.err
        with self.lock:
            return self.subjects.setdefault(name, subject)

    def call(self, arguments, prefix=(), **options):
        """Runs the program to its end."""
        child = self.start(arguments, prefix, **options)
        return self.ended(child)

    def start(self, arguments, prefix=(), **options):
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        publishes = arguments[0] == "publish"
        program = Path(self.program).with_name("reproduce") if publishes else self.program
        command = [*prefix, program, *arguments]
        return subprocess.Popen(command, cwd=ROOT, **{**streams, **options})

    def ended(self, child):
        try:
            out, err = child.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            out, err = child.communicate()
            return Ended(-1, "", "it hangs")
        text = [(stream or b"").decode(errors="replace") for stream in (out, err)]
        return Ended(child.returncode, *text)

    def attempt(self, subject, disturb, codes, says=(), also=None, mend=None, told=False):
        """Disturbs a subject in a new place, then lets it end: the exit code must be one of `codes`, the
        message must hold each of `says`, and the results must be those of the whole. `also` finds what
        else is wrong; `mend` removes the fault; `told` allows what the run keeps of its warnings."""
        place, attempt = self.place(), Try()
        subject.prepare(place)
        try:
            ended = disturb(place)
            attempt.code = ended.code
            attempt.message = ended.message.replace(str(place), "DIR").replace(str(self.work), "")
            attempt.problems += complaints(ended, codes, says)
            if also:
                attempt.problems += also(ended, place)
            if mend:
                mend(place)
            self.restart(subject, place, attempt, told)
        except Exception:  # the table must name the fault that broke this script
            attempt.problems.append(traceback.format_exc(limit=3))
        if not attempt.problems:
            shutil.rmtree(place.parent, ignore_errors=True)
        return attempt

    def restart(self, subject, place, attempt, told=False):
        """The same command again, and the comparison."""
        again = self.call([*subject.again, str(place)])
        attempt.restart = again.code
        if again.code != 0:
            attempt.problems.append(f"the restart in {place} failed: {again.err}")
        attempt.different, where = different_bytes(subject.whole, place, told)
        if attempt.different:
            attempt.problems.append(f"{place} differs: {where}")

    def each(self, function, items):
        """Tries all of them, as many at a time as there are cores."""
        return list(self.pool.map(function, items))

    def sample(self, items, count):
        """This many, evenly spread; in the long form ten times as many."""
        items = list(items)
        count *= 10 if self.long else 1
        if len(items) <= count:
            return items
        return [items[i * (len(items) - 1) // (count - 1)] for i in range(count)]


def complaints(ended, codes, says):
    found = []
    if ended.code not in codes:
        found.append(f"exit code {ended.code}, not in {codes}: {ended.err}")
    if "panicked" in ended.err:
        found.append(f"a panic: {ended.err}")
    if ended.code in (1, 2) and ended.err.count("error:") != 1:
        found.append(f"not one message: {ended.err}")
    found += [f"`{part}` is not in: {ended.err}" for part in says if part not in ended.err]
    return found


def different_bytes(whole, other, told=False):
    """How many bytes of two result directories differ, times aside, and in which files."""
    first, second = contents(whole, told), contents(other, told)
    count, where = 0, []
    for name in sorted(first.keys() | second.keys()):
        a, b = first.get(name), second.get(name)
        if a == b:
            continue
        where.append(name)
        if a is None or b is None:
            count += max(1, len(a or b or b""))
        else:
            count += sum(x != y for x, y in zip(a, b)) + abs(len(a) - len(b))
    return count, where


def contents(directory, told):
    """Every file below a directory, without its times."""
    found = {}
    for path in sorted(directory.rglob("*")):
        if path.is_file() and path.name not in LOCKS and not (told and path.name == "warnings.txt"):
            content = timeless(path, told)
            if path.suffix == ".html":  # the page quotes commands with the directory's name
                content = content.replace(str(directory).encode(), b"DIR")
            found[str(path.relative_to(directory))] = content
    return found


def timeless(path, told):
    content = path.read_bytes()
    if path.name in ("metrics.csv", "runs.csv"):  # the last column is a time
        return b"\n".join(line.rpartition(b",")[0] for line in content.split(b"\n"))
    if path.name == "summary.json":
        summary = json.loads(content)
        del summary["wall_time_seconds"], summary["cpu"]  # faults hit /proc/cpuinfo, too
        if told:
            summary.pop("warnings", None)
        return json.dumps(summary, indent=1).encode()
    if path.name.endswith(".safetensors") and "checkpoint" in path.name:
        return untimed_checkpoint(content)
    return content


def untimed_checkpoint(content):
    """Without the seconds, and without the checksum, which covers them."""
    size = int.from_bytes(content[:8], "little")
    header, data = json.loads(content[8 : 8 + size]), content[8 + size :]
    metadata = json.loads(header.pop("__metadata__")["compress_checkpoint"])
    del metadata["sha256"], header["seconds"]
    tensors = [
        json.dumps([name, tensor["dtype"], tensor["shape"]]).encode() + data[slice(*tensor["data_offsets"])]
        for name, tensor in sorted(header.items())
    ]
    return json.dumps(metadata).encode() + b"".join(tensors)
