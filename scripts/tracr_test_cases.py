"""The programs of Tracr's own test table, `tracr.compiler.test_cases`, ready to be compiled.

A case's name is the table's `testcase_name`, with `causal_` in front if it is compiled causally.
Some programs of our own follow, `own_...`, for what no program of the table does.
"""

import dataclasses
from typing import Iterator, Sequence

from tracr.compiler import lib, test_cases
from tracr.rasp import rasp


@dataclasses.dataclass(frozen=True)
class Case:
    """One case: a program, how to compile it, and an input with the output to expect."""

    name: str
    program: rasp.SOp
    vocabulary: Sequence[rasp.Value]
    max_seq_len: int
    causal: bool
    test_input: Sequence[rasp.Value]
    expected_output: Sequence[rasp.Value]


def cases() -> Iterator[Case]:
    """Every case that Tracr supports, non-causal ones first."""
    for causal, table in ((False, test_cases.TEST_CASES), (True, test_cases.CAUSAL_TEST_CASES)):
        for case in table:
            yield Case(
                name=("causal_" if causal else "") + case["testcase_name"],
                program=case["program"],
                vocabulary=sorted(case["vocab"]),
                max_seq_len=case["max_seq_len"],
                causal=causal,
                test_input=case["test_input"],
                expected_output=case["expected_output"],
            )
    for name, program, vocabulary, max_seq_len in _own():
        tokens = list(vocabulary)[:max_seq_len]
        yield Case(
            name=f"own_{name}",
            program=program,
            vocabulary=vocabulary,
            max_seq_len=max_seq_len,
            causal=False,
            test_input=tokens,
            expected_output=program(tokens),
        )


def _own() -> Iterator[tuple[str, rasp.SOp, Sequence[rasp.Value], int]]:
    """(name, program, vocabulary, max_seq_len) of our own programs."""
    tokens, indices = rasp.tokens, rasp.indices
    length, hist = lib.make_length(), lib.make_hist()
    share = lib.make_frac_prevs(tokens == "a")

    # Two widths in one layer: the unit that cleans BOS is shared.
    yield "two_widths", rasp.SequenceMap(lambda x, y: x - y, length, hist), "abc", 4

    # Numbers to numbers, and to classes.
    doubled = rasp.numerical(rasp.Map(lambda x: 2 * x - 0.5, share))
    yield "staircase", doubled, "abc", 4
    third = rasp.Map(lambda x: x < 0.3, rasp.numerical(rasp.LinearSequenceMap(share, share, 2, -3)))
    yield "one_argument_twice", third, "ab", 3

    # One s-op twice is a map; numbers and text in one variable.
    twice = rasp.SequenceMap(lambda x, y: x + y, indices, indices)
    mixed = rasp.SequenceMap(lambda x, i: x if i > 2 else i, tokens, twice)
    mixed = rasp.SequenceMap(lambda x, i: i if x == 0 else x, mixed, indices)
    yield "mixed_values", mixed, "abc", 4

    # Labels of one name, with numbers of one and of two digits, in one layer and in several.
    sums = [rasp.Map(lambda x, n=n: (x + n) % 3, indices) for n in range(7)]
    total = tokens
    for part in sums:
        total = rasp.SequenceMap(lambda x, y: (x + y) % 4, total, part)
    yield "many_of_one_name", total, (1, 2, 3), 3

    # Selectors combined.
    near = rasp.Select(indices, indices, lambda k, q: abs(k - q) <= 1)
    before = rasp.Select(indices, indices, rasp.Comparison.LT)
    count = rasp.SelectorWidth(near & ~before)
    yield "combined_selectors", rasp.SequenceMap(lambda x, n: n, tokens, count), "ab", 4
