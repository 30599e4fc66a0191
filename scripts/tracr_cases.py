"""Writes what Tracr says of its own test programs, for the tests of the Rust interpreter and compiler.

    tests/fixtures/rasp/cases.json   every case of tracr/compiler/test_cases.py: vocabulary, length,
                                     input, expected output, and for unsupported ones the reasons
    tests/fixtures/rasp/random.json  outputs of Tracr's evaluators on random inputs

The sources of the same names are in tests/rasp_cases/. Needs `tracr-pypi`. Floats are written as
{"float": "0.1"}: the text of their digits.
"""

import json
import pathlib
import random

from tracr.compiler import compiling, test_cases, validating
from tracr.rasp import causal_eval, rasp

HERE = pathlib.Path(__file__).parent.parent / "tests/fixtures/rasp"
INPUTS_PER_CASE = 12


def exact(x):
    if isinstance(x, dict):
        return {key: exact(item) for key, item in x.items()}
    if isinstance(x, (tuple, list)):
        return [exact(item) for item in x]
    return {"float": repr(x)} if isinstance(x, float) else x


def write(name, rows):
    lines = [json.dumps(exact(row)) for row in rows]
    (HERE / name).write_text("[\n" + ",\n".join(lines) + "\n]\n")
    print(f"{HERE / name}: {len(rows)} rows")


def reasons(case):
    """Why Tracr refuses, by its validator and by its compiler."""
    program, vocab, length = case["program"], case["vocab"], case["max_seq_len"]
    static = [u.reason for u in validating.static_validate(program)]
    xs = (sorted(vocab) * length)[:length]
    try:
        found = validating.dynamic_validate(program, xs)
    except Exception as error:  # of many kinds
        found = []
    dynamic = [u.reason for u in found]
    try:
        compiling.compile_rasp_to_model(program, vocab, length, compiler_bos="BOS")
        compiler = None
    except Exception as error:
        compiler = f"{type(error).__name__}: {error}"
    return dict(static=static, dynamic=dynamic, compiler=compiler)


def operators(program):
    """[operator, name, encoding] of every expression, sorted: the shape of the program."""
    pending, seen, found = [program], {id(program)}, []
    while pending:
        expr = pending.pop()
        encoding = rasp.get_encoding(expr).value if isinstance(expr, rasp.SOp) else None
        found.append([rasp.default_name(expr), expr.name, encoding])
        for child in expr.children:
            if id(child) not in seen:
                seen.add(id(child))
                pending.append(child)
    return sorted(found, key=str)


def cases():
    seen = set()
    for group, causal in (("TEST_CASES", False), ("CAUSAL_TEST_CASES", True), ("UNSUPPORTED_TEST_CASES", False)):
        for case in getattr(test_cases, group):
            row = dict(
                group=group,
                name=case["testcase_name"],
                causal=causal,
                vocab=sorted(case["vocab"]),
                max_seq_len=case["max_seq_len"],
                input=case.get("test_input"),
                expected=case.get("expected_output"),
                operators=operators(case["program"]),
            )
            if group.startswith("UNSUPPORTED"):
                row["reasons"] = reasons(case)
            yield row, case["program"]


def samples(row, program, rng):
    evaluate = causal_eval.evaluate if row["causal"] else rasp.evaluate
    for _ in range(INPUTS_PER_CASE):
        xs = [rng.choice(row["vocab"]) for _ in range(rng.randint(1, row["max_seq_len"]))]
        try:
            output, raises = evaluate(program, xs), False
        except Exception:
            output, raises = None, True
        yield dict(name=row["name"], causal=row["causal"], input=xs, output=output, raises=raises)


if __name__ == "__main__":
    rng = random.Random(0)
    HERE.mkdir(parents=True, exist_ok=True)
    table = list(cases())
    write("cases.json", [row for row, _ in table])
    write("random.json", [s for row, program in table for s in samples(row, program, rng)])
