"""Readable feature labels: the name a programmer gave, without Tracr's numbers.

Tracr names a residual dimension by a basis direction (name, value). The name of every direction
that an expression writes is the expression's label, `<name>_<number>`, where the number comes
from one counter per process; a selector width owns a second, auxiliary direction,
`<name>_<number>_selector_width_attn_output`. Only `tokens`, `indices` and `one` have no number.
The number says nothing about the model, so it is left out here.

How it is decided what the number is:
- from the program, if it is given: `label -> name` of every expression, so nothing is guessed;
- otherwise from the direction's name (never from its value), of which exactly one trailing
  `_<digits>` is dropped. Tracr appends exactly one, so a name such as `foo_2` survives: its label
  is `foo_2_17`. Directions invented by hand, without the compiler, need the program, or lose a
  number of their own.
"""

import copy
import inspect
import queue
import re
from collections import Counter
from typing import Iterator, Mapping, Optional, Sequence

from tracr.compiler.assemble import AssembledTransformerModel
from tracr.craft import bases
from tracr.rasp import rasp

PRIMITIVES = ("tokens", "indices", "one")
SELECTOR_WIDTH_TAIL = "_selector_width_attn_output"
NUMBERED = re.compile(r"(.+)_\d+")


def expressions(program: rasp.SOp) -> Iterator[rasp.RASPExpr]:
    """Every expression of a program once, breadth first: the order in which Tracr numbers them."""
    pending, seen = queue.Queue(), {id(program)}
    pending.put(program)
    while not pending.empty():
        expression = pending.get()
        yield expression
        for child in expression.children:
            if id(child) not in seen:
                seen.add(id(child))
                pending.put(child)


def freshly_numbered(program: rasp.SOp) -> rasp.SOp:
    """A copy of the program whose expressions are numbered 1, 2, ... as in a new process.

    Tracr sorts the residual dimensions by label, number included (`map_10` before `map_9`), so
    what was compiled before would show in the order of dimensions. The copy also shares no
    expression with other programs: neither they nor Tracr's counter are changed.
    """
    program = copy.deepcopy(program)
    numbered = (e for e in expressions(program) if e.label not in PRIMITIVES)
    for number, expression in enumerate(numbered, start=1):
        vars(expression)["unique_id"] = number  # where functools.cached_property keeps it
    return program


def residual_basis(model: AssembledTransformerModel) -> Optional[list[bases.BasisDirection]]:
    """The D directions behind the model's labels, or None if they are not where Tracr keeps them.

    The model itself has only text; the directions are in the closure that builds its modules.
    """
    space = inspect.getclosurevars(model.get_compiled_model).nonlocals.get("residual_space")
    if space is None or [str(direction) for direction in space.basis] != model.residual_labels:
        return None
    return list(space.basis)


def names_by_label(program: rasp.SOp) -> dict[str, str]:
    """Tracr's label -> the programmer's name, for every expression of a compiled program."""
    return {e.label: e.name for e in expressions(program) if e.label not in PRIMITIVES}


def readable_labels(
    directions: Sequence[bases.BasisDirection], names: Optional[Mapping[str, str]] = None
) -> list[str]:
    """One unique label for each of the D residual dimensions, in the given order.

    Args:
        directions: the basis of the residual stream.
        names: the program's `names_by_label`, or None to go by the rule above.

    Raises:
        KeyError: a direction belongs to no expression of the program.
    """
    parts = [_split(str(d.name), names) for d in directions]
    final = _number_clashes({variable: name for variable, name, _ in parts})
    labels = []
    for (variable, _, tail), direction in zip(parts, directions):
        value = "" if direction.value is None else f":{direction.value}"
        labels.append(final[variable] + tail + value)
    return _number_equal_labels(labels)


def _split(label: str, names: Optional[Mapping[str, str]]) -> tuple[str, str, str]:
    """A direction's name as (variable, readable name, tail); equal variables share a name."""
    if label in PRIMITIVES:
        return label, label, ""
    for tail in ("", SELECTOR_WIDTH_TAIL):
        variable = label.removesuffix(tail)
        if len(variable) + len(tail) != len(label):
            continue  # the label does not end in this tail
        if names is not None and variable in names:
            return variable, names[variable], tail
        if names is None and (match := NUMBERED.fullmatch(variable)):
            return variable, match[1], tail
    if names is not None:
        raise KeyError(label)
    return label, label, ""


def _number_clashes(name_of: Mapping[str, str]) -> dict[str, str]:
    """variable -> unique name. Variables of one name become `name_1`, `name_2`, ... in order.

    Primitives keep their names whatever the program calls its own expressions, and a number is
    skipped if the programmer used that name already.
    """
    count = Counter(name_of.values())
    taken = {*PRIMITIVES, *name_of.values()}
    final = {}
    for variable, name in name_of.items():
        is_primitive = variable in PRIMITIVES
        if is_primitive or (count[name] == 1 and name not in PRIMITIVES):
            final[variable] = name
        else:
            final[variable] = _first_free(name, taken)
    return final


def _number_equal_labels(labels: Sequence[str]) -> list[str]:
    """Tells apart labels equal as text: the tokens 1 and "1" are both written `tokens:1`."""
    count, taken = Counter(labels), set(labels)
    return [label if count[label] == 1 else _first_free(label, taken) for label in labels]


def _first_free(name: str, taken: set[str]) -> str:
    """The first of name_1, name_2, ... that is not taken yet; takes it."""
    number = 1
    while f"{name}_{number}" in taken:
        number += 1
    taken.add(f"{name}_{number}")
    return f"{name}_{number}"
