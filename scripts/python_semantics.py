"""Writes tests/fixtures/rasp/python.json: what Python's operators say of all pairs of some values.

The Rust side computes the same table (crates/tracr/src/rasp/python/tests.rs). Rows whose result our values do
not hold (integers beyond 64 bits, complex numbers, formatted strings) are left out.
"""

import json
import math
import operator
import pathlib

VALUES = [
    None, True, False, 0, 1, 2, -3, 7, 0.0, -0.0, 0.5, 1.0, 2.5, -2.5, 1 / 3, 1e-05, 1e16,
    2**53 + 1, float(2**53), "", "a", "ab", "it's", (), (1,), (1.0, 2), ("a", None),
]
OPERATORS = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
    "//": operator.floordiv, "%": operator.mod, "**": operator.pow, "==": operator.eq,
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "in": lambda a, b: a in b,
    "direction<": lambda a, b: direction_less(a, b),
}
MORE = [
    10, 0.1, 0.0001, 1e15, 123456789.125, 1e22, -1e-07, 1.5, 3.5, -0.5, 'say "it\'s"', "é\n\t\\",
    "\x00\xa0", (("a",), "'"),
]  # of the functions of one value
FUNCTIONS = {"neg": operator.neg, "round": round, "bool": bool, "str": str, "repr": repr}


def direction_less(a, b):
    """Tracr's order of the directions ("x", a) and ("x", b), from its description."""
    try:
        return ("x", a) < ("x", b)
    except TypeError:
        text = lambda v: "x" if v is None else f"x:{v}"
        return text(a) < text(b)


def representable(x):
    if isinstance(x, tuple):
        return all(map(representable, x))
    if isinstance(x, bool) or x is None:
        return True
    if isinstance(x, int):
        return -(2**63) <= x < 2**63
    return isinstance(x, str) or (isinstance(x, float) and math.isfinite(x))


def rows():
    for op, f in OPERATORS.items():
        for a in VALUES:
            for b in VALUES:
                if op == "%" and isinstance(a, str):
                    continue  # formatting
                if op == "*" and any(isinstance(x, (str, tuple)) and y in (2**53, 2**53 + 1)
                                     for x, y in ((a, b), (b, a)) if isinstance(y, int)):
                    continue  # no memory
                if op == "**" and isinstance(b, int) and b > 1000 and a not in (0, 1, True):
                    continue  # no time
                yield row(op, f, a, b)
    for op, f in FUNCTIONS.items():
        for a in VALUES + MORE:
            yield row(op, f, a)


def exact(x):
    """JSON in which a float is the text of its digits: not every reader rounds numbers well."""
    if isinstance(x, (tuple, list)):
        return [exact(item) for item in x]
    return {"float": repr(x)} if isinstance(x, float) else x


def row(op, f, *args):
    try:
        result = f(*args)
    except (ArithmeticError, TypeError, ValueError):
        return op, args, None, True
    return (op, args, result, False) if representable(result) else None


if __name__ == "__main__":
    path = pathlib.Path(__file__).parent.parent / "tests/fixtures/rasp/python.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(exact(r), separators=(",", ":")) for r in rows() if r is not None]
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n")
    print(f"{path}: {len(lines)} rows")
