"""Safetensors files with float32, float64 and integers, by NumPy alone."""

import json
from pathlib import Path

from ._native import CompressError

_KINDS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "u1", "BOOL": "?"}


def read(path):
    """Arrays by name, and the metadata."""
    import numpy as np

    data = Path(path).read_bytes()
    try:
        end = 8 + int.from_bytes(data[:8], "little")
        header = json.loads(data[8:end])
        metadata = header.pop("__metadata__", {})
        arrays = {}
        for name, entry in header.items():
            first, last = entry["data_offsets"]
            flat = np.frombuffer(data[end + first : end + last], dtype=_KINDS[entry["dtype"]])
            arrays[name] = flat.reshape(entry["shape"])
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise CompressError(f"{path} is no safetensors file that can be read ({problem!r})") from None
    return arrays, metadata


def write(path, name, array):
    """Writes one array as float64."""
    import numpy as np

    array = np.ascontiguousarray(array, dtype="<f8")
    entry = {"dtype": "F64", "shape": list(array.shape), "data_offsets": [0, array.nbytes]}
    header = json.dumps({name: entry}).encode()
    header += b" " * (-len(header) % 8)
    Path(path).write_bytes(len(header).to_bytes(8, "little") + header + array.tobytes())
