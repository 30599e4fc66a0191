#!/usr/bin/env python3
"""Principal directions of an export's activations as a dictionary: how to read the one and write the other, with NumPy alone.

    compress export RUN --format activations -o truth.safetensors
    python3 scripts/pca_dictionary.py truth.safetensors pca.safetensors
    compress score RUN pca.safetensors
"""

import json
import sys

import numpy as np

TYPES = {"F64": "<f8", "F32": "<f4", "I32": "<i4"}


def read(path):
    """The tensors of a safetensors file by name, and its metadata."""
    with open(path, "rb") as file:
        content = file.read()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    data = content[8 + length :]
    return {
        name: np.frombuffer(data[slice(*entry["data_offsets"])], TYPES[entry["dtype"]]).reshape(entry["shape"])
        for name, entry in header.items()
    }, metadata


def write(path, name, matrix):
    """One float64 matrix as a safetensors file."""
    data = np.ascontiguousarray(matrix, "<f8").tobytes()
    header = json.dumps({name: {"dtype": "F64", "shape": matrix.shape, "data_offsets": [0, len(data)]}}).encode()
    header += b" " * (-len(header) % 8)
    with open(path, "wb") as file:
        file.write(len(header).to_bytes(8, "little") + header + data)


def main(source, target):
    tensors, _ = read(source)
    z, weights = tensors["z"], tensors["weights"]
    centred = (z - weights @ z) * np.sqrt(weights)[:, None]
    _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
    write(target, "W_dec", directions[sizes > 1e-3 * sizes[0]])


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
