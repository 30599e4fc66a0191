"""The commands that take minutes or write many files: each is the command of `compress` in a process of its own."""

import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

from . import _tensors
from ._model import Model, _matrix
from ._native import CompressError, study_name
from ._process import command, settings
from ._run import Run, _bos, _file_name, _numpy, _run_file
from ._tables import Table, Tables


class Study:
    """Many runs: what `sweep` left in a directory. `runs` and `points` are its tables `runs.csv`, a row a run, and
    `summary.csv`, a row a grid point over seeds; `tables` has all.
    """

    def __init__(self, directory):
        self.directory = Path(directory)
        if not (self.directory / "study.toml").is_file():
            raise CompressError(f"{self.directory} is not a study's directory: it has no study.toml")
        self.tables = Tables(self.directory)

    @classmethod
    def load(cls, directory):
        """Reads a study's directory."""
        return cls(directory)

    @property
    def runs(self):
        """A row for each run that is over."""
        return Table.read(self.directory / "runs.csv")

    @property
    def points(self):
        """A row for each grid point, seeds folded."""
        return Table.read(self.directory / "summary.csv")

    @property
    def names(self):
        """The directories of the runs that are over, in the order of their names."""
        return sorted(path.parent.name for path in self.directory.glob("*/summary.json"))

    def run(self, name):
        """One of its runs."""
        return Run.load(self.directory / name)

    def __repr__(self):
        return f"Study({str(self.directory)!r}: {len(self.names)} runs)"

    def _repr_html_(self):
        return self.points._repr_html_() if (self.directory / "summary.csv").exists() else repr(self)


def sweep(study, *, set=None, jobs=None, output=None, progress=True):
    """Trains every run of a study file, as `compress sweep` does, and returns the study. Runs that are over are kept;
    Ctrl-C leaves checkpoints, and the same call goes on. It goes to `output`, or `results/NAME`.
    """
    study, given = os.fspath(study), settings(set or {})
    directory = Path("results") / study_name(study, given) if output is None else Path(output)
    options = {"set": given, "jobs": jobs, "output": directory}
    command("sweep", study, options=options, flags=_quiet(progress), progress=progress)
    return Study(directory)


def shrink(start, *, criterion=None, set=None, jobs=None, output=None, progress=True):
    """The smallest d at which a program still works, as `compress shrink` finds it: from a Run's W (or its directory), a Model
    or a run file.

    Returns its JSON as a dict, with `runs`: for each criterion that was met (`outputs`, `faithful`) the Run with the accepted W
    of the smallest d; and `path`, the table of what was tried.
    """
    with tempfile.TemporaryDirectory() as folder:
        if isinstance(start, Run):
            start = start.directory
        elif isinstance(start, Model):
            output = Path("results") / f"{_file_name(start.name)}-shrink" if output is None else Path(output)
            _, text, _ = _run_file(start, output, [])
            lines = [line for line in text.splitlines() if not line.startswith("path = ")]
            model = Path(json.loads(text.split("path = ")[1].splitlines()[0])).resolve()
            lines += [f"path = {json.dumps(str(model))}", "[output]", f"dir = {json.dumps(str(output))}"]
            start = Path(folder) / "run.toml"
            start.write_text("\n".join(lines) + "\n", encoding="utf-8")
        start = Path(os.fspath(start))
        if output is None and not start.is_dir():
            raise CompressError(f"shrink of a run file needs a directory to write to: give output=DIR ({start})")
        directory = start.with_name(start.name + "-shrink") if output is None else Path(output)
        options = {"criterion": criterion, "set": settings(set or {}), "jobs": jobs, "output": directory}
        text = command("shrink", start, options=options, flags=("json", *_quiet(progress)), progress=progress)
    found = json.loads(text)
    found["directory"] = directory
    found["path"] = Table.read(directory / "path.csv")
    found["runs"] = {one["standard"]: Run.load(directory / one["standard"] / f"d={one['d']}") for one in found["found"]}
    return found


def certify(run, *, mae=None, max_error=None, sample=None, output=None, progress=True):
    """Proof that a run's compressed model is right on every input, or where it is not: the certificate as a dict, and as
    `certificate.json` in the run's directory, or `output`.
    """
    options = {"mae": mae, "max-error": max_error, "sample": sample, "output": output}
    # 1: it is written, and says that the model is not right everywhere.
    text = command("certify", _directory(run), options=options, flags=("json",), progress=progress, accept=(0, 1))
    return json.loads(text)


def score(run, dictionary, *, codes=None, site=None, bos=True, output=None, progress=True):
    """Which of a run's true features a dictionary has found: the scores as a dict, as docs/recovery.md defines them.

    `dictionary` is a folder or file of one, an array [m, d] with an atom a row, or a torch module of a sparse autoencoder with
    such a `W_dec`. `codes` [n, m] are scored in place of those from non-negative least squares, for the rows of
    `run.activations()`. The tables go to `output`: without it, beside a dictionary that is in files, else nowhere.
    """
    with tempfile.TemporaryDirectory() as folder:
        if not isinstance(dictionary, (str, os.PathLike)):
            atoms = getattr(dictionary, "W_dec", dictionary)
            path = Path(folder) / "dictionary.safetensors"
            _tensors.write(path, "atoms", _matrix(_numpy(atoms), "the dictionary"))
            dictionary = path
        if codes is not None and not isinstance(codes, (str, os.PathLike)):
            path = Path(folder) / "codes.safetensors"
            _tensors.write(path, "codes", _matrix(_numpy(codes), "codes"))
            codes = path
        options = {"codes": codes, "site": site, "output": output}
        flags = ("json", *_bos(bos))
        return json.loads(command("score", _directory(run), dictionary, options=options, flags=flags, progress=progress))


def recover(run, method, output, *, seeds=1, atoms=None, lambda_=None, k=None, site=None, bos=True, progress=True):
    """Dictionaries of a run's compressed stream by a method that is not told the truth: `nnsc`, `l1_sae`, `topk_sae`, `pca` or
    `random`. One for each of the seeds 0, 1, ..., in `output`; returns a list of what is known of them, each with its `path`.
    """
    options = {"method": method, "output": output, "seeds": seeds, "atoms": atoms, "lambda": lambda_, "k": k, "site": site}
    flags = ("json", *_bos(bos), *_quiet(progress))
    text = command("recover", _directory(run), options=options, flags=flags, progress=progress)
    return json.loads(text)["dictionaries"]


def circuit(subject, *, scores=None, pairs=None, seed=None, output=None, progress=True):
    """The true edges of a Run, a Model, or the path of one, and what each edge does: `circuit.json` as a dict. With `scores`
    (`patching`, `eap` or `eap_ig`), that baseline's score of every edge, as a Table of `from`, `to` and `score`.

    `pairs` of inputs to exchange values between: a number, or "all".
    """
    with _subject(subject) as path, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / ("scores.csv" if scores else "circuit.json") if output is None else Path(output)
        options = {"scores": scores, "pairs": pairs, "seed": seed, "output": file}
        flags = () if scores else ("json",)
        text = command("circuit", path, options=options, flags=flags, progress=progress)
        return Table.read(file) if scores else json.loads(text)


def judge(subject, circuit, *, edges=None, threshold=None, draws=None, pairs=None, seed=None, progress=True):
    """A circuit against the true one of a Run, a Model, or the path of one: the verdict as a dict.

    `circuit` is a file (CSV or JSON, as docs/circuits.md says), a list of edges (from, to), or scores by edge, as a dict
    {(from, to): score} or a Table of `from`, `to` and `score`.
    """
    with _subject(subject) as path, tempfile.TemporaryDirectory() as folder:
        if not isinstance(circuit, (str, os.PathLike)):
            circuit = _edges(circuit, Path(folder) / "circuit.csv")
        options = {"edges": edges, "threshold": threshold, "draws": draws, "pairs": pairs, "seed": seed}
        return json.loads(command("judge", path, circuit, options=options, flags=("json",), progress=progress))


def _edges(circuit, path):
    """Edges as a file that `compress judge` reads."""
    if isinstance(circuit, Table):
        header, rows = list(circuit), zip(*circuit.values())
    elif isinstance(circuit, dict):
        header, rows = ["from", "to", "score"], [(*edge, score) for edge, score in circuit.items()]
    else:
        header, rows = ["from", "to", "in_graph"], [(*edge[:2], "true") for edge in circuit]
    import csv

    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


@contextmanager
def _subject(subject):
    """The path of a run, a program or a model, which is written for the while if it is in memory alone."""
    if isinstance(subject, Run):
        yield subject.directory
    elif isinstance(subject, Model):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.safetensors"
            subject._native.save(os.fspath(path))
            yield path
    else:
        yield os.fspath(subject)


def _directory(run):
    if isinstance(run, Run):
        return run.directory
    if isinstance(run, (str, os.PathLike)):
        return os.fspath(run)
    raise CompressError(f"this takes a Run or the path of its directory, not {type(run).__name__}")


def _quiet(progress):
    return () if progress else ("quiet",)
