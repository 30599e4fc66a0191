#!/usr/bin/env python3
"""Compares models of `compress compile` with what Tracr makes of the same programs, live.

    python scripts/compare_compiler.py DIR                 DIR/<case>.safetensors for every case
    python scripts/compare_compiler.py --write-reference DIR [--max-bytes 300000]

The cases are TEST_CASES and CAUSAL_TEST_CASES of Tracr's compiler/test_cases.py (`hist`,
`causal_shift_by_one`, ...: see tracr_test_cases.py). Of each it compares D, layers, heads, key size
and MLP width, the vocabulary, the output encoding and every weight, entry by entry, once features
are matched by label without numeric suffixes, and runs the case's input through our weights.
`--write-reference` writes Tracr's models instead, leaving alone files that exist already: the
fixtures of tests/compiler/parity.rs.

Ends with "N passed, N failed"; the exit status is 1 if anything failed or was missing.
"""

import needs

needs.check((3, 11), ("jax", "haiku", "safetensors", "tracr"), "pip install -r scripts/requirements.txt")

import argparse
import logging
from collections import defaultdict
from pathlib import Path

import export_tracr
import numpy as np
import tracr_model_file
import tracr_round_trip
from compare_models import without_number
from tracr_programs import compile_program
from tracr_test_cases import Case, cases

TOLERANCE = 1e-6
SIZES = ("num_layers", "num_heads", "key_size", "mlp_hidden_size", "max_seq_len", "causal")
ENCODINGS = ("input_vocab", "bos_id", "pad_id", "output_kind", "output_encoding")


class Different(Exception):
    """Our model is not Tracr's; says where."""


def reference(case: Case, path: Path) -> None:
    """Writes Tracr's model of a case."""
    model, program = compile_program(
        case.program, case.vocabulary, case.max_seq_len, causal=case.causal
    )
    export_tracr.export_model(
        model,
        path,
        name=case.name.removeprefix("causal_"),
        program=program,
        test_input=case.test_input,
        # One case of the table has an output shorter than its input.
        expected_output=case.expected_output
        if len(case.expected_output) == len(case.test_input)
        else None,
        mlp_exactness=100,
    )


def compare(case: Case, path: Path) -> float:
    """The largest difference of a weight.

    Raises:
        Different: structure, labels, weights or outputs differ.
    """
    tensors, metadata = tracr_model_file.read(path)
    model, program = compile_program(
        case.program, case.vocabulary, case.max_seq_len, causal=case.causal
    )
    theirs = tracr_model_file.collect_tensors(model)
    their_metadata = tracr_model_file.collect_metadata(
        model, theirs, name=case.name, program=program
    )
    for key in SIZES + ENCODINGS:
        # JSON text, since True == 1 == 1.0 in Python.
        if repr(metadata[key]) != repr(their_metadata[key]):
            raise Different(f"{key} is {metadata[key]}, Tracr's is {their_metadata[key]}")
    if set(tensors) != set(theirs):
        raise Different(f"the tensors are {sorted(tensors)}, Tracr's are {sorted(theirs)}")
    order = matching(metadata["residual_labels"], their_metadata["residual_labels"])
    largest = _largest_difference(tensors, theirs, order)
    if not largest <= TOLERANCE:
        raise Different(f"weights differ by {largest:g}, {TOLERANCE:g} allowed")
    _check_output(case, tensors, metadata)
    return largest


def matching(ours: list[str], theirs: list[str]) -> np.ndarray:
    """For each of our features the place of Tracr's, by label without numeric suffix.

    Features that then have one label (`map_1:0`, `map_2:0`) are matched in the order of the residual
    stream: both are sorted by Tracr's own labels, numbered as in a fresh process.
    """
    mine, yours = _by_label(ours), _by_label(theirs)
    if {key: len(v) for key, v in mine.items()} != {key: len(v) for key, v in yours.items()}:
        raise Different(f"the labels are {sorted(mine)}, Tracr's are {sorted(yours)}")
    order = np.zeros(len(ours), dtype=int)
    for key, places in mine.items():
        order[places] = yours[key]
    return order


def _by_label(labels: list[str]) -> dict[str, list[int]]:
    places = defaultdict(list)
    for place, label in enumerate(labels):
        places[without_number(label)].append(place)
    return places


def _largest_difference(ours: dict, theirs: dict, order: np.ndarray) -> float:
    """Over all tensors, Tracr's with their residual axis in our order."""
    largest = 0.0
    for name, tensor in ours.items():
        other = theirs[name]
        if tensor.shape != other.shape:
            raise Different(f"{name} has shape {tensor.shape}, Tracr's {other.shape}")
        largest = max(largest, float(np.abs(tensor - _in_order(name, other, order)).max()))
    return largest


def _in_order(name: str, tensor: np.ndarray, order: np.ndarray) -> np.ndarray:
    writes = name.endswith((".attn.output.weight", ".fc2.weight")) or name.endswith("_embed")
    writes_bias = name.endswith((".attn.output.bias", ".fc2.bias"))
    if writes:
        return tensor[:, order]  # [.., D]
    if writes_bias or name == "unembed" or name.endswith(".weight"):
        return tensor[order]  # [D, ..]
    return tensor


def _check_output(case: Case, tensors: dict, metadata: dict) -> None:
    """Our weights on the case's input, where the program is defined."""
    vocabulary = metadata["input_vocab"]
    ids = [metadata["bos_id"], *[vocabulary.index(token) for token in case.test_input]]
    columns = tracr_round_trip.forward(tensors, metadata, ids)["columns"][1:]  # [T, O]
    # zip: see `reference`.
    for row, expected in zip(columns, case.expected_output):
        if expected is None:
            continue
        if metadata["output_kind"] == "numerical":
            said, same = row[0], abs(row[0] - expected) < 1e-3
        else:
            said = metadata["output_encoding"][int(row.argmax())]
            same = said == expected
        if not same:
            raise Different(f"on {case.test_input} it says {said}, not {expected}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--write-reference", action="store_true")
    parser.add_argument("--max-bytes", type=int, default=300_000)
    options = parser.parse_args()
    logging.getLogger().setLevel(logging.ERROR)  # Tracr logs every division by zero it tries

    passed = failed = 0
    for case in cases():
        path = options.directory / f"{case.name}.safetensors"
        try:
            if not options.write_reference:
                print(f"{case.name:36} largest difference {compare(case, path):.1e}", flush=True)
            elif not path.exists():
                reference(case, path)
                size = path.stat().st_size
                print(f"{case.name:36} {size} bytes", flush=True)
                if size > options.max_bytes:
                    path.unlink()
            passed += 1
        except (Different, FileNotFoundError, tracr_model_file.ExportRefused) as reason:
            failed += 1
            print(f"{case.name:36} FAILED: {reason}", flush=True)
    print(f"{passed} passed, {failed} failed")
    if failed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
