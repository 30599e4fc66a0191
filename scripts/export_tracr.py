#!/usr/bin/env python3
"""Writes models compiled with Python Tracr as model files of this project.

From Python, for any program:

    program = make_my_program()
    model = compile_rasp_to_model(program, vocab={"a", "b"}, max_seq_len=5, compiler_bos="BOS")
    export_model(model, "my_program.safetensors", program=program, test_input=["a", "b"])

From the shell, for the programs of Tracr's own library:

    python scripts/export_tracr.py hist --vocab a,b,c --max-seq-len 6 -o hist.safetensors

Every file is read back and compared with Tracr's model (tracr_round_trip.py) before it takes its
name; if anything differs, nothing is written. The command writes the same bytes for the same
program and settings, in any process and after any other compilation. From Python it is the caller
who compiles: `tracr_programs.compile_program` gives the same guarantee and says how.
"""

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")  # small models; the same arithmetic everywhere

import needs

needs.check((3, 11), ("jax", "haiku", "safetensors", "tracr"), "pip install -r scripts/requirements.txt")

import argparse
import contextlib
import dataclasses
import logging
import math
import tempfile
from pathlib import Path
from typing import Iterator, Optional, Sequence

import jax
from tracr.compiler.assemble import AssembledTransformerModel
from tracr.rasp import rasp
from tracr.transformer.encoder import NumericalEncoder

import tracr_model_file
import tracr_round_trip
from tracr_model_file import ExportRefused, to_json
from tracr_programs import (
    BOS,
    PAD,
    PROGRAMS,
    CompilationFailed,
    Program,
    compile_program,
    fitting_input,
    interpret,
)

SHIPPED = ("frac_prevs", "sort_unique")  # the paper's two case studies


def export_model(
    model: AssembledTransformerModel,
    path: str | os.PathLike,
    *,
    name: Optional[str] = None,
    program: Optional[rasp.SOp] = None,
    test_input: Optional[Sequence[rasp.Value]] = None,
    expected_output: Optional[Sequence[rasp.Value]] = None,
    unique_tokens: bool = False,
    mlp_exactness: Optional[float] = None,
) -> tracr_round_trip.RoundTrip:
    """Writes a model that Tracr compiled to a model file, or refuses and leaves `path` alone.

    Args:
        model: what `compile_rasp_to_model` returned. Shapes, vocabulary, encoders, causality and
            length come from it.
        path: the file to write; its directory has to exist.
        name: the program's name in the file; by default the program's own, or the file's stem.
        program: the very expression that was compiled. With it the numbers in Tracr's labels are
            known, without it they are recognised (tracr_labels.py).
        test_input: tokens without BOS, kept in the file together with the model's output.
        expected_output: what the program should say to the test input, None where it is undefined.
        unique_tokens: the program is defined only on inputs without repeated tokens.
        mlp_exactness: as given to the compiler, which does not record it.

    Returns:
        What the comparison with Tracr's model saw.

    Raises:
        ExportRefused: with the reason. It is a SystemExit.
    """
    path = Path(os.path.realpath(path))
    name = name or (path.stem if program is None else program.name)
    with jax.default_matmul_precision("float32"), _replacing(path) as temporary:
        tracr_model_file.check_supported(model)
        tensors = tracr_model_file.collect_tensors(model)
        metadata = tracr_model_file.collect_metadata(
            model,
            tensors,
            name=name,
            program=program,
            unique_tokens=unique_tokens,
            mlp_exactness=mlp_exactness,
        )
        metadata.update(_test_case(model, test_input, expected_output))
        tracr_model_file.write(temporary, tensors, metadata)
        return tracr_round_trip.check(temporary, model, test_input)


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` that takes its place on success and vanishes on failure."""
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise ExportRefused(f"cannot write to {path.parent}: {error.strerror}") from None
    os.close(handle)
    try:
        yield Path(temporary)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # mkstemp's files are private
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise ExportRefused(f"cannot write {path}: {error.strerror}") from None
    finally:
        Path(temporary).unlink(missing_ok=True)


def _test_case(
    model: AssembledTransformerModel,
    test_input: Optional[Sequence[rasp.Value]],
    expected_output: Optional[Sequence[rasp.Value]],
) -> dict:
    """The optional metadata on the test input; refuses an expected output that is not Tracr's."""
    if test_input is None:
        if expected_output is not None:
            raise ExportRefused("refused: an expected output without a test input")
        return {}
    try:
        output = model.apply([model.input_encoder.bos_token, *test_input])
    except ValueError as error:
        raise ExportRefused(f"refused: the model rejects the test input: {error}") from None
    decoded = [to_json("the model's output", value) for value in output.decoded[1:]]
    case = {
        "test_input": to_json("the test input", list(test_input)),
        "model_output": decoded,
        "model_output_ids_or_values": to_json("the output", output.unembedded[0].tolist()),
    }
    if expected_output is not None:
        expected = [_as_model_says_it(model, value) for value in expected_output]
        case["expected_output"] = to_json("the expected output", expected)
        if not _agree(decoded, case["expected_output"]):
            raise ExportRefused(
                f"refused: on {case['test_input']} Tracr's model says {decoded}, but "
                f"{case['expected_output']} was expected; not everything in RASP survives "
                "compilation (causal masks, averages of categories, a low mlp_exactness)"
            )
    return case


def _as_model_says_it(model: AssembledTransformerModel, value: rasp.Value) -> rasp.Value:
    """An expected value in the type of the model's outputs: RASP takes True, 1 and 1.0 as equal."""
    if value is None:
        return None
    if isinstance(model.output_encoder, NumericalEncoder):
        return float(value)
    return next((v for v in model.output_encoder.encoding_map if v == value), value)


def _agree(output: Sequence, expected: Sequence) -> bool:
    """Whether the model says what was expected wherever that is defined; numbers within 0.5%."""

    def same(a: rasp.Value, b: rasp.Value) -> bool:
        is_close = isinstance(a, float) and isinstance(b, float)
        return abs(a - b) <= 1e-4 + 5e-3 * abs(b) if is_close else a == b

    return len(output) == len(expected) and all(
        e is None or same(o, e) for o, e in zip(output, expected)
    )


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """The command."""
    parser = _parser()
    options = parser.parse_args(arguments)
    _check_usage(parser, options)
    logging.getLogger().setLevel(logging.ERROR)  # Tracr logs every division by zero it tries
    if options.program is not None:
        _export_one(parser, options)
    elif options.list:
        _list_programs()
    elif options.all_shipped is not None:
        _export_all([PROGRAMS[name] for name in SHIPPED], options.all_shipped)
    else:
        _export_all(list(PROGRAMS.values()), options.all_library)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Writes programs of Tracr's library as model files.",
        epilog="Exit status: 0 written, 1 refused or failed, 2 usage.",
    )
    parser.add_argument("program", nargs="?", metavar="PROGRAM", help="one of --list")
    parser.add_argument("-o", "--output", metavar="FILE", help="the .safetensors file to write")
    parser.add_argument("--vocab", metavar="a,b,c", help='tokens; 3 is a number, "3" is text')
    parser.add_argument("--max-seq-len", type=int, metavar="N", help="longest input, without BOS")
    parser.add_argument("--causal", action="store_true", help="mask the future")
    parser.add_argument("--mlp-exactness", type=float, metavar="X", help="default: 100")
    parser.add_argument("--list", action="store_true", help="the programs and their defaults")
    parser.add_argument(
        "--all-shipped", metavar="DIR", help=f"write the project's models: {', '.join(SHIPPED)}"
    )
    parser.add_argument("--all-library", metavar="DIR", help="write every program of --list")
    return parser


def _check_usage(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """One task at a time, and no option that the task would ignore."""
    tasks = {
        "PROGRAM": options.program is not None,
        "--list": options.list,
        "--all-shipped": options.all_shipped is not None,
        "--all-library": options.all_library is not None,
    }
    if sum(tasks.values()) != 1:
        parser.error(f"give exactly one of {', '.join(tasks)}")
    settings = (options.output, options.vocab, options.max_seq_len, options.mlp_exactness)
    if options.program is None and (options.causal or any(s is not None for s in settings)):
        parser.error("-o and the settings go with a PROGRAM")


def _list_programs() -> None:
    for program in PROGRAMS.values():
        vocabulary = ",".join(map(str, program.vocabulary))
        print(f"{program.name:17} {program.about}")
        print(f"{'':17} --vocab '{vocabulary}' --max-seq-len {program.max_seq_len}")


def _export_one(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """PROGRAM -o FILE, with the program's defaults replaced by the options given."""
    if options.program not in PROGRAMS:
        parser.error(f"no program {options.program!r}; there are {', '.join(PROGRAMS)}")
    if options.output is None:
        parser.error("give the file to write: -o FILE")
    program = PROGRAMS[options.program]
    if options.vocab is not None:
        program = dataclasses.replace(program, vocabulary=_parse_vocabulary(parser, options.vocab))
    if options.max_seq_len is not None:
        if options.max_seq_len < 1:
            parser.error("--max-seq-len must be at least 1")
        program = dataclasses.replace(program, max_seq_len=options.max_seq_len)
    mlp_exactness = 100 if options.mlp_exactness is None else options.mlp_exactness
    if not 0 < mlp_exactness < float("inf"):
        parser.error("--mlp-exactness must be a positive number")
    mlp_exactness = int(mlp_exactness) if mlp_exactness == int(mlp_exactness) else mlp_exactness
    if not Path(options.output).parent.is_dir():
        parser.error(f"no directory {Path(options.output).parent}")
    if Path(options.output).is_dir():
        parser.error(f"{options.output} is a directory")
    try:
        print(_compile_and_export(program, options.output, options.causal, mlp_exactness))
    except CompilationFailed as error:
        parser.error(str(error))


def _parse_vocabulary(parser: argparse.ArgumentParser, text: str) -> tuple[rasp.Value, ...]:
    """'1,b,"2"' -> (1, 'b', '2')."""

    def token(word: str) -> rasp.Value:
        if len(word) > 2 and word[0] == word[-1] == '"':
            return word[1:-1]
        for number in (int, float):
            with contextlib.suppress(ValueError):
                return number(word)
        return word

    words = [word.strip() for word in text.split(",")]
    vocabulary = tuple(token(word) for word in words)
    if "" in vocabulary:
        parser.error(f"--vocab has an empty token: {text!r}")
    if any(isinstance(token, float) and not math.isfinite(token) for token in vocabulary):
        parser.error(f"--vocab has a number that is not finite: {text!r}")
    if len(set(vocabulary)) != len(vocabulary):
        parser.error(f"--vocab has a token twice: {text!r}")
    if reserved := {BOS, PAD} & set(vocabulary):
        parser.error(f"--vocab must not contain {', '.join(reserved)}, which Tracr adds")
    return vocabulary


def _export_all(programs: Sequence[Program], directory: str) -> None:
    """Exports each to DIR/<name>.safetensors; a refusal does not stop the others."""
    Path(directory).mkdir(parents=True, exist_ok=True)
    failed = 0
    for program in programs:
        try:
            path = Path(directory) / f"{program.name}.safetensors"
            print(_compile_and_export(program, path), flush=True)
        except (CompilationFailed, ExportRefused) as reason:
            failed += 1
            print(f"{program.name:17} FAILED: {reason}", flush=True)
    print(f"{len(programs) - failed} passed, {failed} failed")
    if failed:
        raise SystemExit(1)


def _compile_and_export(
    program: Program,
    path: str | os.PathLike,
    causal: bool = False,
    mlp_exactness: float = 100,
) -> str:
    """One program of the library; returns the line that reports it."""
    tokens = fitting_input(program)
    model, sop = compile_program(
        program.build(program.max_seq_len),
        program.vocabulary,
        program.max_seq_len,
        causal=causal,
        mlp_exactness=mlp_exactness,
    )
    seen = export_model(
        model,
        path,
        name=program.name,
        program=sop,
        test_input=tokens,
        expected_output=interpret(sop, tokens, causal),
        unique_tokens=program.unique_tokens,
        mlp_exactness=mlp_exactness,
    )
    config = model.model_config
    return (
        f"{program.name:17} D={len(model.residual_labels):<3} layers={config.num_layers} "
        f"heads={config.num_heads}  largest difference {seen.difference:.1e} on {seen.inputs} "
        f"inputs; {seen.decided} outputs equal, {seen.ties} undecided"
    )


if __name__ == "__main__":
    main()
