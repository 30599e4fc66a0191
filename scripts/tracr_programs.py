"""The programs of Tracr's own library, `tracr.compiler.lib`, ready to be compiled.

Each has the vocabulary and the length that suit it, and an input to show what it does. Where a
maker needs constants they are fixed here and named in the description; anything else is compiled
in a few lines of Python and handed to `export_tracr.export_model`.
"""

import dataclasses
import itertools
from typing import Callable, Optional, Sequence

from tracr.compiler import compiling, lib
from tracr.compiler.assemble import AssembledTransformerModel
from tracr.craft import bases
from tracr.rasp import causal_eval, rasp

import tracr_labels

BOS, PAD = "BOS", "compiler_pad"


class CompilationFailed(Exception):
    """Tracr does not compile this program for this vocabulary and length."""


@dataclasses.dataclass(frozen=True)
class Program:
    """One program of the library.

    `build` gets max_seq_len, which some makers bake in. `unique_tokens` says that the program is
    defined only on inputs without repeated tokens.
    """

    name: str
    about: str
    build: Callable[[int], rasp.SOp]
    vocabulary: Sequence[rasp.Value]
    max_seq_len: int
    test_input: Sequence[rasp.Value]
    unique_tokens: bool = False


def _frac_prevs(_: int) -> rasp.SOp:
    """As in the paper's case study."""
    is_x = rasp.numerical(rasp.Map(lambda token: token == "x", rasp.tokens)).named("is_x")
    return lib.make_frac_prevs(is_x)


PROGRAMS = {
    program.name: program
    for program in (
        Program(
            "length",
            "the length of the input",
            lambda _: lib.make_length(),
            "abcd",
            5,
            "abc",
        ),
        Program(
            "hist",
            "how often the token occurs in the input",
            lambda _: lib.make_hist(),
            "abcd",
            5,
            "abac",
        ),
        Program(
            "sort",
            "the tokens in ascending order",
            lambda T: lib.make_sort(rasp.tokens, rasp.tokens, max_seq_len=T, min_key=1),
            (1, 2, 3, 4),
            5,
            (2, 4, 1, 2),
        ),
        Program(
            "sort_unique",
            "the tokens in ascending order, if none is repeated",
            lambda _: lib.make_sort_unique(rasp.tokens, rasp.tokens),
            (1, 2, 3, 4, 5),
            5,
            (3, 5, 1, 4, 2),
            unique_tokens=True,
        ),
        Program(
            "sort_freq",
            "the tokens in descending order of their frequency",
            lambda T: lib.make_sort_freq(max_seq_len=T),
            (1, 2, 3, 4),
            5,
            (2, 4, 2, 1),
        ),
        Program(
            "reverse",
            "the input backwards",
            lambda _: lib.make_reverse(rasp.tokens),
            "abcd",
            5,
            "abcd",
        ),
        Program(
            "frac_prevs",
            'the fraction of tokens up to here that are "x"',
            _frac_prevs,
            "abcx",
            5,
            "xacxb",
        ),
        Program(
            "pair_balance",
            'the fraction of "(" up to here minus that of ")"',
            lambda _: lib.make_pair_balance(rasp.tokens, "(", ")"),
            "abc()",
            10,
            "a()b(c))",
        ),
        Program(
            "shuffle_dyck2",
            'whether "()" and "{}" are balanced, interleaving allowed',
            lambda _: lib.make_shuffle_dyck2(),
            "(){}",
            5,
            "({)}",
        ),
        Program(
            "shuffle_dyck3",
            'whether "()", "{}" and "[]" are balanced, interleaving allowed',
            lambda _: lib.make_shuffle_dyck(["()", "{}", "[]"]).named("shuffle_dyck3"),
            "(){}[]",
            6,
            "({)[}]",
        ),
        Program(
            "shift_by",
            "the token one position before",
            lambda _: lib.shift_by(1, rasp.tokens),
            "abcd",
            5,
            "abcd",
        ),
        Program(
            "detect_pattern",
            'whether the pattern "ab" ends here',
            lambda _: lib.detect_pattern(rasp.tokens, "ab"),
            "ab",
            5,
            "aaba",
        ),
        Program(
            "count",
            'how many tokens are "a"',
            lambda _: lib.make_count(rasp.tokens, "a"),
            "abc",
            8,
            "aaabbc",
        ),
        Program(
            "count_less_freq",
            "how many tokens occur at most twice",
            lambda _: lib.make_count_less_freq(2),
            "abcd",
            6,
            "aaabbc",
        ),
        Program(
            "nary_sequencemap",
            "token + token - index, by way of pairs",
            lambda _: lib.make_nary_sequencemap(
                lambda x, y, z: x + y - z, rasp.tokens, rasp.tokens, rasp.indices
            ).named("nary_sequencemap"),
            (1, 2, 3),
            5,
            (1, 2, 3),
        ),
    )
}


def compile_program(
    program: rasp.SOp,
    vocabulary: Sequence[rasp.Value],
    max_seq_len: int,
    *,
    causal: bool = False,
    mlp_exactness: float = 100,
) -> tuple[AssembledTransformerModel, rasp.SOp]:
    """Compiles so that nothing else can show: the same model in any process.

    Two things could show. Tracr's counter, which decides on the order of dimensions: expressions
    are numbered afresh. And the order in which Python iterates over sets, which differs from
    process to process: Tracr sorts them, but numbers as numbers and all else as text, by which 9
    comes before 10, "10" before "5" and "5" before 9. A model with such features is refused.
    (Left to the program: a function that says 1 to one token and True to another. They are equal,
    and which of them stands for both is up to the set.)

    Returns the model and the freshly numbered copy of the program that it was compiled from, the
    one to hand to `export_model`.

    Raises:
        CompilationFailed: for whatever Tracr raises, which is of many kinds: it checks with
            asserts, and runs the program's functions on values they may not be made for.
    """
    program = tracr_labels.freshly_numbered(program)
    try:
        model = compiling.compile_rasp_to_model(
            program,
            set(vocabulary),
            max_seq_len,
            causal=causal,
            compiler_bos=BOS,
            compiler_pad=PAD,
            mlp_exactness=mlp_exactness,
        )
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        raise CompilationFailed(
            f"Tracr cannot compile {program.name} for the vocabulary {list(vocabulary)} and "
            f"{max_seq_len} positions ({reason})"
        ) from error
    if pair := _without_order(tracr_labels.residual_basis(model) or []):
        raise CompilationFailed(
            f"Tracr has no definite order for the features {pair[0]} and {pair[1]}: it sorts "
            "numbers as numbers and all else as text; use only numbers or only text"
        )
    return model, program


def _without_order(basis: list[bases.BasisDirection]) -> Optional[tuple]:
    """Two directions whose order contradicts the sorted basis; None if it is a linear order.

    If each direction is less than all after it, then `<` is a linear order on the basis, and
    sorting gives this sequence whatever it started from.
    """
    return next((pair for pair in itertools.combinations(basis, 2) if not pair[0] < pair[1]), None)


def fitting_input(program: Program) -> list[rasp.Value]:
    """The program's test input, or if that is too long or foreign, the start of the vocabulary."""
    own = list(program.test_input)
    fits = len(own) <= program.max_seq_len and set(own) <= set(program.vocabulary)
    return own if fits else list(program.vocabulary)[: program.max_seq_len]


def interpret(program: rasp.SOp, tokens: Sequence[rasp.Value], causal: bool = False) -> list:
    """What RASP's interpreter says: [len(tokens)] values, None where undefined."""
    evaluate = causal_eval.evaluate if causal else rasp.evaluate
    return list(evaluate(program, list(tokens)))
