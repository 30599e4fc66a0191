from collections.abc import Callable, Iterable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._native import CompressError as CompressError
from ._native import FailedError as FailedError
from ._native import library as library

__version__: str
__all__: list[str]

_Path = str | PathLike[str]
_Tokens = Iterable[Any]
_Progress = bool | Callable[[int, int, float, dict[str, Any]], object] | None

class Table(dict[str, NDArray[Any]]):
    @classmethod
    def read(cls, path: _Path) -> Table: ...
    @property
    def rows(self) -> int: ...
    def to_pandas(self) -> Any: ...
    def to_polars(self) -> Any: ...

class Tables(Mapping[str, Table]):
    def __init__(self, directory: _Path) -> None: ...
    def __getitem__(self, name: str) -> Table: ...
    def __iter__(self) -> Iterator[str]: ...
    def __len__(self) -> int: ...

class Program:
    name: str
    def __init__(
        self,
        source: _Path,
        *,
        vocab: Iterable[Any] | None = None,
        max_seq_len: int | None = None,
        causal: bool | None = None,
        output: str | None = None,
        name: str = "program",
    ) -> None: ...
    @property
    def notes(self) -> list[str]: ...
    def run(self, tokens: _Tokens) -> list[Any]: ...
    def __call__(self, tokens: _Tokens) -> list[Any]: ...
    def trace(self, tokens: _Tokens) -> dict[str, list[Any]]: ...
    def selectors(self, tokens: _Tokens) -> list[tuple[str, NDArray[np.bool_]]]: ...

class Model:
    file: Path | None
    notes: list[str]
    metadata: dict[str, Any]
    @property
    def name(self) -> str: ...
    @property
    def labels(self) -> list[str]: ...
    @property
    def vocab(self) -> list[Any]: ...
    @property
    def classes(self) -> list[Any] | None: ...
    @property
    def blocks(self) -> list[str]: ...
    @property
    def weights(self) -> dict[str, NDArray[np.float64]]: ...
    def encode(self, tokens: _Tokens) -> NDArray[np.int64]: ...
    def decode(self, scores: ArrayLike) -> list[Any]: ...
    def inputs(self) -> NDArray[np.int64]: ...
    def forward(self, ids: ArrayLike) -> dict[str, NDArray[np.float64]]: ...
    def __call__(self, tokens: _Tokens) -> list[Any]: ...
    def trace(self, tokens: _Tokens) -> dict[str, NDArray[np.float64]]: ...
    def save(self, path: _Path) -> None: ...
    def torch(self, dtype: Any = None) -> Any: ...
    def transformer_lens(self, dtype: Any = None) -> Any: ...

class Run(Model):
    directory: Path
    config: dict[str, Any]
    tables: Tables
    @classmethod
    def load(cls, directory: _Path) -> Run: ...
    @property
    def W(self) -> NDArray[np.float64]: ...
    @property
    def matrices(self) -> dict[str, NDArray[np.float64]]: ...
    @property
    def G(self) -> NDArray[np.float64]: ...
    @property
    def summary(self) -> dict[str, Any]: ...
    @property
    def model(self) -> Model: ...
    def folded(self) -> Model: ...
    def evaluate(self, W: Any = None) -> dict[str, Any]: ...
    def activations(self, site: int | None = None, bos: bool = True) -> dict[str, NDArray[Any]]: ...
    def torch(self, dtype: Any = None, folded: bool = True) -> Any: ...
    def sae_lens(self, site: int | None = None, bos: bool = True) -> Any: ...

class Study:
    directory: Path
    tables: Tables
    def __init__(self, directory: _Path) -> None: ...
    @classmethod
    def load(cls, directory: _Path) -> Study: ...
    @property
    def runs(self) -> Table: ...
    @property
    def points(self) -> Table: ...
    @property
    def names(self) -> list[str]: ...
    def run(self, name: str) -> Run: ...

class ZooModel:
    directory: Path
    row: dict[str, Any]
    def __getitem__(self, column: str) -> Any: ...
    @property
    def model(self) -> Model: ...
    @property
    def W(self) -> NDArray[np.float64]: ...
    @property
    def edges(self) -> list[dict[str, Any]]: ...
    @property
    def certificate(self) -> dict[str, Any]: ...
    @property
    def features(self) -> dict[str, NDArray[Any]] | None: ...

def zoo(directory: _Path, **wanted: Any) -> list[ZooModel]: ...
def compile(
    source: _Path,
    vocab: Iterable[Any] | None = None,
    max_seq_len: int | None = None,
    *,
    causal: bool | None = None,
    mlp_exactness: float | None = None,
    output: str | None = None,
    name: str = "program",
    check: bool = True,
) -> Model: ...
def load(path: _Path) -> Model: ...
def train(
    model: Model | _Path,
    dim: int | None = None,
    *,
    steps: int | None = None,
    seed: int | None = None,
    output: _Path | None = None,
    set: Mapping[str, Any] | None = None,
    force: bool = False,
    progress: _Progress = None,
    **keys: Any,
) -> Run: ...
def sweep(
    study: _Path,
    *,
    set: Mapping[str, Any] | None = None,
    jobs: int | None = None,
    output: _Path | None = None,
    progress: bool = True,
) -> Study: ...
def shrink(
    start: Run | Model | _Path,
    *,
    criterion: str | None = None,
    set: Mapping[str, Any] | None = None,
    jobs: int | None = None,
    output: _Path | None = None,
    progress: bool = True,
) -> dict[str, Any]: ...
def certify(
    run: Run | _Path,
    *,
    mae: float | None = None,
    max_error: float | None = None,
    sample: int | None = None,
    output: _Path | None = None,
    progress: bool = True,
) -> dict[str, Any]: ...
def score(
    run: Run | _Path,
    dictionary: Any,
    *,
    codes: Any = None,
    site: int | None = None,
    bos: bool = True,
    output: _Path | None = None,
    progress: bool = True,
) -> dict[str, Any]: ...
def recover(
    run: Run | _Path,
    method: str,
    output: _Path,
    *,
    seeds: int = 1,
    atoms: int | None = None,
    lambda_: float | None = None,
    k: int | None = None,
    site: int | None = None,
    bos: bool = True,
    progress: bool = True,
) -> list[dict[str, Any]]: ...
def circuit(
    subject: Run | Model | _Path,
    *,
    scores: str | None = None,
    pairs: int | str | None = None,
    seed: int | None = None,
    output: _Path | None = None,
    progress: bool = True,
) -> Any: ...
def judge(
    subject: Run | Model | _Path,
    circuit: Any,
    *,
    edges: int | None = None,
    threshold: float | None = None,
    draws: int | None = None,
    pairs: int | str | None = None,
    seed: int | None = None,
    progress: bool = True,
) -> dict[str, Any]: ...
