#!/usr/bin/env python3
"""Compares two model files: tensor by tensor, and the metadata.

    python scripts/compare_models.py ONE OTHER [--tolerance 1e-6] [--ignore-numbers]

Tensors and the metadata's floats may differ by the tolerance: the weights are computed with exactly
rounded operations and should be equal on any machine, but the kept `model_output` is what a float32
forward pass said, which may round differently on another CPU. `--ignore-numbers` compares only the
metadata that both files have, leaves out Tracr's `model_output_ids_or_values`, and drops the number
that Tracr appends to labels. Exit status 1 if the files differ.
"""

import needs

needs.check((3, 11), ("jax", "haiku", "safetensors", "tracr"), "pip install -r scripts/requirements.txt")

import argparse
import re
from pathlib import Path
from typing import Any, Iterator

import numpy as np

from tracr_model_file import read


def tensor_differences(one: dict, other: dict) -> Iterator[tuple[str, float]]:
    """The largest absolute difference of each tensor; infinite where it cannot be compared."""
    for name in sorted({*one, *other}):
        a, b = one.get(name), other.get(name)
        comparable = a is not None and b is not None and (a.shape, a.dtype) == (b.shape, b.dtype)
        difference = float(np.abs(a - b).max()) if comparable else float("inf")
        yield name, difference if np.isfinite(difference) else float("inf")


def value_difference(one: Any, other: Any) -> float:
    """The largest difference of two floats at the same place; infinite for anything else."""
    if type(one) is not type(other):
        return float("inf")
    if isinstance(one, float):
        return abs(one - other)
    if isinstance(one, list) and len(one) == len(other):
        return max(map(value_difference, one, other), default=0.0)
    return 0.0 if one == other else float("inf")


def without_number(label: str) -> str:
    """`target_pos_6:0` -> `target_pos:0`."""
    return re.sub(r"_\d+(?=:|_selector_width_attn_output|$)", "", label, count=1)


def main() -> None:
    parser = argparse.ArgumentParser(description="Compares two model files.")
    parser.add_argument("one", type=Path)
    parser.add_argument("other", type=Path)
    parser.add_argument("--tolerance", type=float, default=1e-6)
    parser.add_argument("--ignore-numbers", action="store_true", help="see the file's top")
    options = parser.parse_args()

    if options.one.read_bytes() == options.other.read_bytes():
        print(f"{options.one.name}: the same bytes")
        return
    (tensors, metadata), (other_tensors, other_metadata) = read(options.one), read(options.other)
    keys = {*metadata, *other_metadata}
    if options.ignore_numbers:
        keys = ({*metadata} & {*other_metadata}) - {"model_output_ids_or_values"}
        for content in (metadata, other_metadata):
            content["residual_labels"] = [without_number(x) for x in content["residual_labels"]]

    differences = dict(tensor_differences(tensors, other_tensors))
    largest_tensor = max(differences.values())
    for key in sorted(keys):
        differences[f"metadata {key}"] = value_difference(
            metadata.get(key, ...), other_metadata.get(key, ...)
        )
    for name, difference in differences.items():
        if difference > options.tolerance:
            print(f"{options.one.name}: {name} differs by {difference:g}")
    print(
        f"{options.one.name}: {len(tensors)} tensors, largest difference {largest_tensor:g}; "
        f"{len(keys)} metadata keys; allowed {options.tolerance:g}"
    )
    if max(differences.values()) > options.tolerance:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
