"""RASP programs as compiled transformers, and what is left of them in fewer dimensions.

    import tracr_compress as tc
    model = tc.compile(open("hist.rasp").read(), vocab="abc", max_seq_len=5)
    run = tc.train(model, dim=8, steps=100_000)
    net = run.torch()

A compiled model's residual stream has D dimensions, and each one has a name. A run trains one matrix W [d, D] so that
the model still works when its stream has d dimensions: z = W s. `Run` has W, G = WᵀW [D, D] and every table that the
program `compress` writes; the same files come from both.

Errors are `CompressError` (a ValueError: what was given is wrong) and its child `FailedError` (it failed while running).
"""

from ._commands import Study, certify, circuit, judge, recover, score, shrink, sweep
from ._model import Model, Program, compile, load
from ._native import VERSION as __version__
from ._native import CompressError, FailedError, library
from ._run import Run, train
from ._tables import Table, Tables
from ._zoo import ZooModel, zoo

__all__ = [
    "CompressError",
    "FailedError",
    "Model",
    "Program",
    "Run",
    "Study",
    "Table",
    "Tables",
    "ZooModel",
    "certify",
    "circuit",
    "compile",
    "judge",
    "library",
    "load",
    "recover",
    "score",
    "shrink",
    "sweep",
    "train",
    "zoo",
]
