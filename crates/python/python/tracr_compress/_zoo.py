"""A zoo: many compressed models, each with the truth about it, as `compress export STUDY --zoo DIR` writes them."""

import json
from functools import cached_property
from pathlib import Path

from . import _tensors
from ._model import load
from ._native import CompressError
from ._tables import Table


def zoo(directory, **wanted):
    """The models of a zoo, a list in the order of its `manifest.csv`.

    `wanted` filters by columns of the manifest (docs/zoo.md): by a value, a list of values, or a function that says whether a
    value will do. `zoo("my_zoo", source="generated", verdict="proved", d=[4, 6], right=lambda share: share > 0.9)`.
    """
    directory = Path(directory)
    table = Table.read(directory / "manifest.csv")
    for column in wanted:
        if column not in table:
            raise CompressError(f"{directory}/manifest.csv has no column {column}; it has {', '.join(table)}")
    tests = {column: _test(value) for column, value in wanted.items()}
    rows = (dict(zip(table, values)) for values in zip(*(column.tolist() for column in table.values())))
    return [ZooModel(directory / row["model"], row) for row in rows if all(will_do(row[c]) for c, will_do in tests.items())]


def _test(value):
    if callable(value):
        return value
    if isinstance(value, (list, tuple, set, frozenset, range)):
        return lambda found: found in value
    # The manifest says true and false.
    shown = str(value).lower() if isinstance(value, bool) else value
    return lambda found: found == shown


class ZooModel:
    """One model of a zoo: `row`, its row of the manifest as a dict, and what its directory has, read when it is asked for."""

    def __init__(self, directory, row):
        self.directory = Path(directory)
        self.row = row

    def __getitem__(self, column):
        return self.row[column]

    @cached_property
    def model(self):
        """The compressed model as a transformer of width d of its own: a `Model`."""
        return load(self.directory / "model.safetensors")

    @cached_property
    def W(self):
        """The matrix [d, D] in float64."""
        return _tensors.read(self.directory / "projection.safetensors")[0]["W"]

    @cached_property
    def edges(self):
        """Every edge of the circuit as a dict: `from`, `to`, `features`, `effect`, `true` and more (docs/circuits.md)."""
        return self._json("circuit.json")["edges"]

    @cached_property
    def certificate(self):
        """What is proved of its answers, as a dict (docs/certify.md)."""
        return self._json("certificate.json")

    @cached_property
    def features(self):
        """The states of the compressed stream and the true features behind them, arrays by name (docs/recovery.md); None if
        the zoo was exported without them.
        """
        path = self.directory / "features.safetensors"
        return _tensors.read(path)[0] if path.exists() else None

    def _json(self, name):
        path = self.directory / name
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as problem:
            raise CompressError(f"cannot read {path}: {problem}") from None

    def __repr__(self):
        return f"ZooModel({self.row['model']!r}: D = {self.row['D']}, d = {self.row['d']}, {self.row['verdict']})"
