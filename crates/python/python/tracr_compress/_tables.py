"""CSV files as arrays."""

import csv
import html
from collections.abc import Mapping
from pathlib import Path

from ._native import CompressError

_SHOWN = 8


class Table(dict):
    """The columns of a CSV file, in its order: name -> array [rows].

    A column of whole numbers is int64; of numbers, some of which may be missing, float64 with NaN for those; any other
    one has str objects.
    """

    @classmethod
    def read(cls, path):
        """Reads a CSV file with a header."""
        try:
            with open(path, newline="", encoding="utf-8") as file:
                rows = list(csv.reader(file))
        except (OSError, UnicodeDecodeError, csv.Error) as problem:
            raise CompressError(f"cannot read {path}: {problem}") from None
        if not rows:
            raise CompressError(f"{path} is empty: it has no header")
        header, body = rows[0], rows[1:]
        # A run that is being written may end in half a row.
        body = [row for row in body if len(row) == len(header)]
        return cls({name: _array([row[i] for row in body]) for i, name in enumerate(header)})

    def to_pandas(self):
        """A pandas.DataFrame."""
        import pandas

        return pandas.DataFrame(dict(self))

    def to_polars(self):
        """A polars.DataFrame."""
        import polars

        return polars.DataFrame({name: column.tolist() for name, column in self.items()})

    @property
    def rows(self):
        """The number of rows."""
        return len(next(iter(self.values()), ()))

    def _repr_html_(self):
        def cells(tag, values):
            return "<tr>" + "".join(f"<{tag}>{html.escape(str(x))}</{tag}>" for x in values) + "</tr>"

        body = "".join(cells("td", row) for row in list(zip(*self.values()))[:_SHOWN])
        more = f"<p>{self.rows} rows, the first {_SHOWN} of them</p>" if self.rows > _SHOWN else ""
        return f"<table>{cells('th', self)}{body}</table>{more}"


class Tables(Mapping):
    """The CSV files of a directory by their names without ending; each is read when it is asked for."""

    def __init__(self, directory):
        self._directory = Path(directory)
        self._read = {}

    def __getitem__(self, name):
        if name not in self._read:
            if name not in list(self):
                raise KeyError(f"{self._directory} has no {name}.csv; it has {', '.join(self) or 'no table'}")
            self._read[name] = Table.read(self._directory / f"{name}.csv")
        return self._read[name]

    def __iter__(self):
        return iter(sorted(path.stem for path in self._directory.glob("*.csv")))

    def __len__(self):
        return len(list(iter(self)))


def _array(cells):
    import numpy as np

    try:
        return np.array([int(cell) for cell in cells], dtype=np.int64)
    except (ValueError, OverflowError):
        pass
    try:
        return np.array([float(cell) if cell else np.nan for cell in cells], dtype=np.float64)
    except ValueError:
        return np.array(cells, dtype=object)
