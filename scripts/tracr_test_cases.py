"""The programs of Tracr's own test table, `tracr.compiler.test_cases`, ready to be compiled.

A case's name is the table's `testcase_name`, with `causal_` in front if it is compiled causally.
Only what decides on the weights is told apart: cases that differ in their input alone are one
model under several names.
"""

import dataclasses
from typing import Iterator, Sequence

from tracr.compiler import test_cases
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
