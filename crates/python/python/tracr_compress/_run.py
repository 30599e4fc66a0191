"""Runs: training of W, and what it left."""

import hashlib
import json
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path

from . import _native, _tensors
from ._model import Model, _html, _matrix
from ._native import CompressError
from ._process import command, settings
from ._tables import Tables


class Run(Model):
    """A run that is over: a compiled model, and the W [d, D] that its residual stream was compressed with.

    As a `Model` it is the compressed one: `run(tokens)`, `run.forward(ids)` and `run.trace(tokens)` compute through W, on
    inputs that are filled up with PAD as in training; `weights` and `labels` are the compiled model's. A W that
    `compress shrink` accepted is loaded in the same way.
    """

    def __init__(self, native, directory):
        super().__init__(native)
        self.directory = Path(directory)
        self.config = json.loads(native.config())
        self.tables = Tables(self.directory)
        self._matrices = native.matrices()
        for array in self._matrices.values():
            array.flags.writeable = False

    @classmethod
    def load(cls, directory):
        """Reads a run's directory; the run must be over."""
        return cls(_native.Transformer.of_run(os.fspath(directory)), directory)

    @property
    def name(self):
        """What the run is called."""
        return self.config["name"]

    @property
    def W(self):
        """The trained matrix [d, D]; of several (`compression.tied`, `compression.per_layer`), all below each other [k·d, D]."""
        import numpy as np

        matrices = list(self.matrices.values())
        return matrices[0] if len(matrices) == 1 else np.concatenate(matrices)

    @property
    def matrices(self):
        """The matrices [d, D] by name: `W` alone, or each of several."""
        return {name: matrix for name, matrix in self._matrices.items() if name != "G"}

    @property
    def G(self):
        """The Gram matrix WᵀW [D, D] of the features' embeddings, the paper's heat map."""
        return self._matrices["G"]

    @property
    def summary(self):
        """How it ended: final metrics and more, as `summary.json` has it; empty for a W of `shrink`."""
        path = self.directory / "summary.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    @property
    def model(self):
        """The compiled model, without W."""
        return Model(self._native.compiled())

    def folded(self):
        """The compressed model as a transformer of width d of its own: W multiplied into all weights, in float64."""
        return Model(self._native.folded())

    def evaluate(self, W=None):
        """The exact metrics of a W [d, D] of any d on the run's inputs: of the run's own, if none is given.

        `loss`, `loss_output`, `loss_layers`; `mae` and `max_error` of numbers; `token_accuracy` and `sequence_accuracy` of
        classes; `blocks`, a list of `mse` and `cosine`.
        """
        matrix = self.W if W is None else _matrix(_numpy(W), "W")
        return json.loads(self._native.evaluate(_contiguous(matrix)))

    def inputs(self):
        """Token ids [N, T] of the inputs that the metrics are about, filled up with PAD."""
        return self._native.inputs()[0]

    def activations(self, site=None, bos=True):
        """The different states of the compressed stream and the true features behind them: what dictionaries are scored on.

        Arrays by name: `z` [n, d], `features` [n, D], `weights` [n] and more, as docs/recovery.md says. `site` 0 is after the embedding, 1
        after the first block that writes, and so on; all, if none is given.
        """
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "activations.safetensors"
            options = {"output": path, "format": "activations", "site": site}
            command("export", self.directory, options=options, flags=_bos(bos), progress=False)
            arrays, _ = _tensors.read(path)
        return arrays

    def _padded(self, tokens):
        import numpy as np

        ids = self.encode(tokens)
        padding = self.metadata["max_seq_len"] + 1 - len(ids)
        return np.pad(ids, (0, padding), constant_values=self.metadata["pad_id"])[None]

    def save(self, path):
        """Writes the compressed model of width d as a model file (.safetensors), as `compress export` does."""
        _native_save(self, path)

    def torch(self, dtype=None, folded=True):
        """A torch.nn.Module that computes the same, of width d (folded) or D: see `tracr_compress.torch`."""
        from .torch import of_run

        return of_run(self, dtype=dtype, folded=folded)

    def transformer_lens(self, dtype=None):
        """The compressed model of width d in TransformerLens: see `tracr_compress.transformer_lens`."""
        return self.folded().transformer_lens(dtype=dtype)

    def sae_lens(self, site=None, bos=True):
        """The run as ground truth for SAELens: see `tracr_compress.sae_lens`."""
        from .sae_lens import of_run

        return of_run(self, site=site, bos=bos)

    def __repr__(self):
        d, width = next(iter(self.matrices.values())).shape
        return f"Run({str(self.directory)!r}: {self.name}, d = {d} of D = {width})"

    def _repr_html_(self):
        d, width = next(iter(self.matrices.values())).shape
        summary = self.summary
        rows = {"model": f"{self.metadata['program']}, d = {d} of D = {width}"}
        for key, value in (summary.get("final") or {}).items():
            if value is not None:
                rows[key.replace("_", " ")] = f"{value:.4g}"
        if "steps" in summary:
            rows["steps"] = f"{summary['steps']}, seed {summary['seed']}, {summary['wall_time_seconds']:.1f} s"
        rows["files"] = str(self.directory)
        return _html(self.name, rows)


def train(model, dim=None, *, steps=None, seed=None, output=None, set=None, force=False, progress=None, **keys):
    """Trains W [dim, D] as `compress train` does, and returns the run: the same files, byte for byte.

    `model` is a Model, or the path of a run file. `set` and further keywords are keys of a run file with their values, as in
    `set={"training.batch_size": 64}` (`compress keys` lists them). A Model's run goes to `output`, or `results/NAME`, and a
    model that is in no file yet is kept in `models` beside that. A run that is there is continued, or loaded if it is over;
    one of another configuration is an error, unless `force` deletes it.

    `progress`: True or False for a bar on stderr; None for one where somebody sees it; or a function of (step, steps, loss,
    metrics). Ctrl-C writes a checkpoint, from which the same call goes on, and raises KeyboardInterrupt.
    """
    given = dict(keys)
    given.update(set or {})
    for key, value in (("compression.dim", dim), ("training.steps", steps), ("training.seed", seed)):
        if value is not None:
            given[key] = value
    given = settings(given)
    made = []
    path, text, output = _run_file(model, output, made)
    observer = _Observer(progress)
    try:
        directory = _native.train(path, text, given, output, force, observer)
    except CompressError:
        if output is None or not os.path.exists(os.path.join(output, "config.toml")):
            _undo(made)  # what was refused leaves nothing
        raise
    finally:
        observer.close()
    return Run.load(directory)


def _run_file(model, output, made):
    """The path of a run file and, for a model, its text; and where the run goes. What is written is added to `made`."""
    if isinstance(model, (str, os.PathLike)):
        return os.fspath(model), None, None if output is None else os.fspath(output)
    if isinstance(model, Run):
        raise CompressError("train takes a compiled model or a run file: give run.model, or the run's config.toml")
    if not isinstance(model, Model):
        raise CompressError(f"train takes a model or the path of a run file, not {type(model).__name__}")
    output = Path("results") / _file_name(model.name) if output is None else Path(output)
    text = f"name = {json.dumps(model.name)}\n[model]\npath = {json.dumps(str(_file(model, output.parent, made)))}\n"
    return "train", text, os.fspath(output)


def _file(model, folder, made):
    """Where a model is, which a run's configuration names: written if it is in no file."""
    if model.file is not None and model.file.exists():
        return model.file
    data = model._native.to_bytes()
    digest = hashlib.sha256(data).hexdigest()
    path = folder / "models" / f"{_file_name(model.name)}-{digest[:12]}.safetensors"
    if not (path.exists() and path.read_bytes() == data):
        made += [parent for parent in reversed(path.parents) if not parent.exists()]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise CompressError(f"cannot make {path.parent}: {problem.strerror}") from None
        model._native.save(os.fspath(path))
        made.append(path)
    return path


def _undo(made):
    for path in reversed(made):
        try:
            path.rmdir() if path.is_dir() else path.unlink()
        except OSError:
            return  # somebody else uses it


def _file_name(name):
    safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in name).lstrip(".")
    return safe[:64] or "program"


def _native_save(run, path):
    run._native.folded().save(os.fspath(path))


class _Observer:
    """What training calls, ten times a second."""

    def __init__(self, progress):
        if progress is None:
            progress = sys.stderr.isatty() if hasattr(sys.stderr, "isatty") else False
            progress = progress or "ipykernel" in sys.modules
        self.function = progress if callable(progress) else (self._draw if progress else None)
        self.steps, self.metrics, self.width = 0, {}, 0
        self.first = (0, time.monotonic())

    def begin(self, step, steps):
        self.steps, self.first = steps, (step, time.monotonic())

    def step(self, step, loss):
        if self.function is not None:
            self.function(step, self.steps, loss, self.metrics)

    def record(self, metrics):
        self.metrics = json.loads(metrics)

    def warn(self, text):
        warnings.warn(text, stacklevel=4)

    def end(self):
        self.close()

    def close(self):
        if self.width:
            print("\r" + " " * self.width + "\r", end="", file=sys.stderr, flush=True)
            self.width = 0

    def _draw(self, step, steps, loss, metrics):
        done, since = self.first
        speed = (step - done) / max(time.monotonic() - since, 1e-9)
        full = 20 * step // max(steps, 1)
        text = f"{'█' * full}{'·' * (20 - full)} {step}/{steps}, loss {loss:.4g}, {speed:,.0f} steps/s"
        if speed > 0:
            text += f", {(steps - step) / speed:.0f} s left"
        self.width = max(self.width, len(text))
        print("\r" + text.ljust(self.width), end="", file=sys.stderr, flush=True)


def _numpy(array):
    """An array of NumPy, torch or anything that becomes one."""
    if hasattr(array, "detach"):
        array = array.detach().cpu()
        return array.numpy() if str(array.dtype) != "torch.bfloat16" else array.float().numpy()
    return array


def _contiguous(matrix):
    import numpy as np

    return np.ascontiguousarray(matrix, dtype=np.float64)


def _bos(bos):
    return () if bos else ("no-bos",)
