#!/usr/bin/env python3
"""Proves a certificate of `compress certify` again, with NumPy alone, and checks every field of it.

    python3 scripts/check_certificate.py CERTIFICATE RUN [--model FILE] [--mae E] [--max-error E]

RUN is the run's directory. The compiled model is the file that its configuration names, or --model (a run of a RASP
program: `compress certify RUN --write-model FILE`). Certificates with a looser rule than --mae and --max-error (by
default 0.005 and 0.05) are refused. Exit status 0: the claim is proved and every field is right; 1: it is not, and the
lines say what is wrong; 2: a file cannot be read.

Nothing of this is shared with the program. It enumerates the inputs from the definition, runs both models in float64 with
a bound on the rounding of every array (docs/certify.md), and where that is more than what decides, runs the input again in
intervals of 50 decimal digits, whose ends are rounded outwards.
"""

import argparse
import decimal
import hashlib
import itertools
import json
import math
import pathlib
import sys

# This file stands alone, so it says itself what it needs.
if sys.version_info < (3, 11):
    sys.stderr.write("error: check_certificate.py needs Python 3.11 or newer, and this is %d.%d\n" % sys.version_info[:2])
    sys.exit(2)

import tomllib

try:
    import numpy as np
except ImportError:
    if __name__ != "__main__":
        raise
    sys.stderr.write("error: check_certificate.py needs NumPy, which this Python does not have: pip install numpy\n")
    sys.exit(2)

U = 2.0**-53
TIE_BELOW = 1e-6
SAME_NUMBER = 1e-6
DTYPES = {"F32": "<f4", "F64": "<f8"}


class Unreadable(Exception):
    """A file that is not what it should be."""


# Files.


def read_tensors(path):
    """The tensors of a .safetensors file in float64, its metadata, and the SHA-256 of its bytes."""
    try:
        data = pathlib.Path(path).read_bytes()
        size = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + size])
        metadata = header.pop("__metadata__", {})
        tensors = {}
        for name, entry in header.items():
            start, end = entry["data_offsets"]
            numbers = np.frombuffer(data[8 + size + start : 8 + size + end], DTYPES[entry["dtype"]])
            tensors[name] = numbers.reshape(entry["shape"]).astype(np.float64)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"{path}: {error}") from error
    return tensors, metadata, hashlib.sha256(data).hexdigest()


class Model:
    """A compiled model: its weights, and what its metadata says."""

    def __init__(self, path):
        self.tensors, metadata, self.sha256 = read_tensors(path)
        try:
            self.meta = json.loads(metadata["tracr"])
        except (KeyError, ValueError) as error:
            raise Unreadable(f"{path} is no model file: {error}") from error
        self.layers = self.meta["num_layers"]
        self.heads, self.key_size = self.meta["num_heads"], self.meta["key_size"]
        special = (self.meta["bos_id"], self.meta["pad_id"])
        self.words = [i for i in range(len(self.meta["input_vocab"])) if i not in special]
        self.classes = self.meta["output_encoding"]

    def linear(self, layer, name):
        prefix = f"layers.{layer}.{name}"
        return self.tensors[prefix + ".weight"], self.tensors[prefix + ".bias"]

    def writes(self, block):
        """Whether a block ever writes anything."""
        weight, bias = self.linear(block // 2, "mlp.fc2" if block % 2 else "attn.output")
        return bool(np.any(weight) or np.any(bias))


def block_name(block):
    return f"layer{block // 2}.{'mlp' if block % 2 else 'attn'}"


class Stream:
    """How the compressed stream is written and read: which matrix each block has."""

    def __init__(self, model, matrices):
        blocks = 2 * model.layers
        names = set(matrices)
        live = [b for b in range(blocks) if model.writes(b)]
        block_names = [block_name(b) for b in live]

        def one_each(read, write):
            own = [f"{write}.embed", f"{read}.unembed"]
            return set(own + [f"{k}.{n}" for n in block_names for k in (read, write)])

        def table(read, write):
            self.write = {"embed": f"{write}.embed"} | {b: f"{write}.{block_name(b)}" for b in live}
            self.read = {"unembed": f"{read}.unembed"} | {b: f"{read}.{block_name(b)}" for b in live}

        if names == {"W"} or names == {"W_read", "W_write"}:
            read, write = ("W", "W") if names == {"W"} else ("W_read", "W_write")
            self.write = {site: write for site in ["embed", *live]}
            self.read = {reader: read for reader in ["unembed", *live]}
        elif names == one_each("W", "W"):
            table("W", "W")
        elif names == one_each("W_read", "W_write"):
            table("W_read", "W_write")
        else:
            raise Unreadable(f"the projection's matrices {sorted(names)} are those of no variant")
        self.matrices = matrices

    def writer(self, site):
        return self.matrices[self.write[site]].T

    def reader(self, reader):
        return self.matrices[self.read[reader]]


# Float64 with a bound: an array and, entry by entry, how far the exact number may be from it.


def upwards(bound, roundings):
    """A bound that was computed from non-negative terms with so many roundings, made one that holds."""
    return bound * (1 + 4 * (roundings + 4) * U)


def gamma(n):
    return n * U / (1 - n * U)


class Bounded:
    """`value ± radius`, entry by entry."""

    def __init__(self, value, radius=None):
        self.value = np.asarray(value, dtype=np.float64)
        self.radius = np.zeros_like(self.value) if radius is None else radius

    def __getitem__(self, index):
        return Bounded(self.value[index], self.radius[index])

    def transposed(self, axes):
        return Bounded(self.value.transpose(axes), self.radius.transpose(axes))

    def __add__(self, other):
        value = self.value + other.value
        return Bounded(value, upwards(self.radius + other.radius + U * np.abs(value), 4))

    def __matmul__(self, other):
        """In whatever order the products are summed."""
        n = self.value.shape[-1]
        size, other_size = np.abs(self.value), np.abs(other.value)
        radius = gamma(n + 1) * (size @ other_size) + self.radius @ (other_size + other.radius)
        radius = radius + size @ other.radius + n * 1e-300
        return Bounded(self.value @ other.value, upwards(radius, 3 * n + 6))

    def affine(self, weight, bias):
        result = self @ Bounded(weight)
        return result + Bounded(np.broadcast_to(bias, result.value.shape))

    def rectified(self):
        value = np.maximum(self.value, 0)
        return Bounded(value, np.where(self.value + self.radius < 0, 0, self.radius))


# ln 2 in two parts: the first has 32 bits, so that its products with whole numbers below 2^20 are exact.
LN2_HIGH = 0.693147180369123816490
LN2_LOW = 1.90821492927058770002e-10


def exponential(x):
    """e^x for -700 <= x <= 0 within 16 U of itself: 2^k times the series of the rest, |rest| < 0.35."""
    k = np.rint(x / math.log(2))
    rest = (x - k * LN2_HIGH) - k * LN2_LOW
    series = np.ones_like(rest)
    for i in range(16, 0, -1):
        series = 1 + rest * series / i
    return np.ldexp(series, k.astype(np.int64))


def softmax(logits, seen):
    """e^(x - m) over the keys that are seen, with its bound; m is the row's largest logit as computed."""
    value = np.where(seen, logits.value, -np.inf)
    shifted = value - value.max(-1, keepdims=True)
    argument = np.where(seen, logits.radius + U * np.abs(np.where(seen, shifted, 0)), 0)
    vanishes = shifted + argument < -690
    argument = upwards(argument, 3)
    result = exponential(np.where(vanishes, 0, shifted))
    with np.errstate(over="ignore"):
        # e^(x + t) - e^x for |t| up to the argument's error; e^t - 1 <= t + t² up to 1.
        relative = np.where(argument <= 1, argument * (1 + argument), np.inf) + 32 * U * (1 + argument)
    radius = upwards(result * relative, 6)
    result = np.where(vanishes, 0, result)
    radius = np.where(vanishes, np.where(seen, 1e-298, 0), radius)
    return Bounded(result, radius)


def attention(model, layer, read):
    inputs, positions, _ = read.value.shape
    heads, size = model.heads, model.key_size

    def of(name):
        x = read.affine(*model.linear(layer, f"attn.{name}"))
        shape = (inputs, positions, heads, -1)
        return Bounded(x.value.reshape(shape), x.radius.reshape(shape)).transposed((0, 2, 1, 3))

    query, key, value = of("query"), of("key"), of("value")
    logits = query @ key.transposed((0, 1, 3, 2))
    root = math.sqrt(size)
    scaled = logits.value / root
    logits = Bounded(scaled, upwards(logits.radius / root + 3 * U * np.abs(scaled), 4))
    seen = np.ones((positions, positions), bool)
    if model.meta["causal"]:
        seen = np.tril(seen)
    weights = softmax(logits, np.broadcast_to(seen, logits.value.shape))
    total = weights @ Bounded(np.ones((positions, 1)))
    mixed = weights @ value
    quotient = mixed.value / total.value
    radius = (mixed.radius + np.abs(quotient) * total.radius) / (total.value - total.radius)
    mixed = Bounded(quotient, upwards(radius + U * np.abs(quotient), 8))
    mixed = mixed.transposed((0, 2, 1, 3))
    shape = (inputs, positions, -1)
    mixed = Bounded(mixed.value.reshape(shape), mixed.radius.reshape(shape))
    return mixed.affine(*model.linear(layer, "attn.output"))


@np.errstate(invalid="ignore", over="ignore")
def forward(model, tokens, stream=None):
    """What each live block writes, the scores, and the states before each block and at the end, of inputs [N, T]."""
    t = model.tensors
    embedding = Bounded(t["token_embed"][tokens])
    positions = np.broadcast_to(t["pos_embed"][: tokens.shape[1]], embedding.value.shape)
    embedding = embedding + Bounded(positions)

    def write(site, features):
        return features @ Bounded(stream.writer(site)) if stream else features

    def read(reader, state):
        return state @ Bounded(stream.reader(reader)) if stream else state

    state = write("embed", embedding)
    blocks, states = {}, [state.value]
    for block in range(2 * model.layers):
        if not model.writes(block):
            states.append(state.value)
            continue
        seen = read(block, state)
        if block % 2 == 0:
            output = attention(model, block // 2, seen)
        else:
            hidden = seen.affine(*model.linear(block // 2, "mlp.fc1")).rectified()
            output = hidden.affine(*model.linear(block // 2, "mlp.fc2"))
        blocks[block] = output
        state = state + write(block, output)
        states.append(state.value)
    return blocks, read("unembed", state) @ Bounded(t["unembed"]), states


# Intervals of decimals, for the few inputs that need them.

DOWN = decimal.Context(prec=50, rounding=decimal.ROUND_FLOOR, Emin=-(10**6), Emax=10**6)
UP = decimal.Context(prec=50, rounding=decimal.ROUND_CEILING, Emin=-(10**6), Emax=10**6)
ZERO = decimal.Decimal(0)


class Interval:
    """All numbers from `low` to `high`."""

    __slots__ = ("low", "high")

    def __init__(self, low, high):
        self.low, self.high = low, high

    @staticmethod
    def of(x):
        # A float64 may have more than 50 digits.
        exact = decimal.Decimal(float(x))
        return Interval(DOWN.plus(exact), UP.plus(exact))

    def __add__(self, other):
        return Interval(DOWN.add(self.low, other.low), UP.add(self.high, other.high))

    def __neg__(self):
        return Interval(-self.high, -self.low)

    def __mul__(self, other):
        pairs = list(itertools.product((self.low, self.high), (other.low, other.high)))
        return Interval(
            min(DOWN.multiply(a, b) for a, b in pairs), max(UP.multiply(a, b) for a, b in pairs)
        )

    def over(self, other):
        """Divided by a positive interval."""
        pairs = list(itertools.product((self.low, self.high), (other.low, other.high)))
        return Interval(
            min(DOWN.divide(a, b) for a, b in pairs), max(UP.divide(a, b) for a, b in pairs)
        )

    def root(self):
        return Interval(DOWN.next_minus(DOWN.sqrt(self.low)), UP.next_plus(UP.sqrt(self.high)))

    def exponential(self):
        # `exp` of decimals is rounded to the nearest, whatever the context says.
        return Interval(DOWN.next_minus(DOWN.exp(self.low)), UP.next_plus(UP.exp(self.high)))

    def rectified(self):
        return Interval(max(self.low, ZERO), max(self.high, ZERO))


NOTHING = Interval(ZERO, ZERO)


COLUMNS = {}  # of each matrix, by where it lies; it is kept beside them, so that no other one can lie there


def columns_of(matrix):
    """The entries of each column that are not 0, as intervals."""
    place = (matrix.__array_interface__["data"][0], matrix.strides, matrix.shape)
    if place not in COLUMNS:
        columns = [[(i, Interval.of(column[i])) for i in np.flatnonzero(column)] for column in matrix.T]
        COLUMNS[place] = matrix, columns
    return COLUMNS[place][1]


def product(rows, matrix, bias=None):
    """Rows of intervals times a matrix of float64, without zeros of either."""
    starts = [NOTHING] * matrix.shape[1] if bias is None else [Interval.of(x) for x in bias]
    result = []
    for row in rows:
        live = [x.low != 0 or x.high != 0 for x in row]
        result.append(
            [
                sum((row[i] * weight for i, weight in weights if live[i]), start)
                for start, weights in zip(starts, columns_of(matrix))
            ]
        )
    return result


def attention_in_intervals(model, layer, read):
    query, key, value = (
        product(read, *model.linear(layer, f"attn.{name}")) for name in ("query", "key", "value")
    )
    root = Interval.of(model.key_size).root()
    mixed = [[NOTHING] * len(row) for row in value]
    for head in range(model.heads):
        columns = range(head * model.key_size, (head + 1) * model.key_size)
        for position, asked in enumerate(query):
            seen = position + 1 if model.meta["causal"] else len(query)
            logits = [
                sum((asked[c] * key[k][c] for c in columns), NOTHING).over(root) for k in range(seen)
            ]
            largest = max(x.high for x in logits)
            shift = Interval(-largest, -largest)
            weights = [(x + shift).exponential() for x in logits]
            total = sum(weights, NOTHING)
            for c in columns:
                terms = (w * value[k][c] for k, w in enumerate(weights))
                mixed[position][c] = sum(terms, NOTHING).over(total)
    return product(mixed, *model.linear(layer, "attn.output"))


def forward_in_intervals(model, tokens, stream=None):
    """The scores of one input [T]."""
    t = model.tensors
    embedding = [
        [Interval.of(a) + Interval.of(b) for a, b in zip(t["token_embed"][token], t["pos_embed"][p])]
        for p, token in enumerate(tokens)
    ]

    def write(site, features):
        return product(features, stream.writer(site)) if stream else features

    def read(reader, state):
        return product(state, stream.reader(reader)) if stream else state

    state = write("embed", embedding)
    for block in range(2 * model.layers):
        if not model.writes(block):
            continue
        seen = read(block, state)
        if block % 2 == 0:
            output = attention_in_intervals(model, block // 2, seen)
        else:
            hidden = product(seen, *model.linear(block // 2, "mlp.fc1"))
            hidden = [[x.rectified() for x in row] for row in hidden]
            output = product(hidden, *model.linear(block // 2, "mlp.fc2"))
        written = write(block, output)
        state = [[a + b for a, b in zip(*rows)] for rows in zip(state, written)]
    scores = product(read("unembed", state), t["unembed"])

    value = np.array([[float((x.low + x.high) / 2) for x in row] for row in scores])
    return Exact(scores, value)


class Exact:
    """The scores of one input as intervals: differences are taken before they are rounded to float64."""

    def __init__(self, scores, value):
        self.scores, self.value = scores, value

    def difference(self, position, a, b, other=None):
        """`score a - score b` (of the other model, if there is one): its value, and its bounds."""
        right = (other or self).scores[position][b]
        x = self.scores[position][a] + -right
        middle = float((x.low + x.high) / 2)
        return middle, float(np.nextafter(float(x.low), -np.inf)), float(np.nextafter(float(x.high), np.inf))


# Inputs.


def members(model, lengths, unique):
    """Every input of a space, as token ids [T]: BOS, tokens, padding."""
    for length in lengths:
        if unique:
            sequences = itertools.permutations(model.words, length)
        else:
            sequences = itertools.product(model.words, repeat=length)
        padding = (model.meta["pad_id"],) * (model.meta["max_seq_len"] - length)
        for sequence in sequences:
            yield (model.meta["bos_id"], *sequence, *padding)


# Bounds of d from below.


class Ranks:
    """The rank of what is read of the states, and the largest rank that each head has on an input."""

    def __init__(self, model):
        self.model = model
        columns = [model.tensors["unembed"]]
        for layer in range(model.layers):
            if model.writes(2 * layer):
                columns += [model.linear(layer, f"attn.{name}")[0] for name in ("query", "key", "value")]
            if model.writes(2 * layer + 1):
                used = np.any(model.linear(layer, "mlp.fc2")[0], axis=1)
                columns.append(model.linear(layer, "mlp.fc1")[0][:, used])
        columns = np.concatenate(columns, axis=1)
        norms = np.linalg.norm(columns, axis=0)
        directions, sizes, _ = np.linalg.svd(columns[:, norms > 0] / norms[norms > 0], full_matrices=False)
        self.basis = directions[:, sizes > 1e-9 * sizes[0]] if sizes.size else directions[:, :0]
        self.moment = np.zeros((self.basis.shape[1],) * 2)
        self.heads = {}

    def add(self, states):
        for state in states:
            read = state.reshape(-1, state.shape[-1]) @ self.basis
            self.moment += read.T @ read
        for layer in range(self.model.layers):
            for head in range(self.model.heads):
                rank = self.of_head(layer, head, states[2 * layer])
                self.heads[layer, head] = max(self.heads.get((layer, head), 0), rank)

    def of_head(self, layer, head, state):
        columns = slice(head * self.model.key_size, (head + 1) * self.model.key_size)

        def of(name):
            weight, bias = self.model.linear(layer, f"attn.{name}")
            return state @ weight[:, columns] + bias[columns], np.any(bias[columns])

        (query, query_bias), (key, _), (value, value_bias) = of("query"), of("key"), of("value")
        written = self.model.linear(layer, "attn.output")[0][columns]
        if not np.any(written):
            return 0
        scores = query @ (key - key[:, :1]).transpose(0, 2, 1)
        scores = scores / np.maximum(np.abs(scores).max((1, 2), keepdims=True), 1)
        parts = [value @ written] if self.model.meta["causal"] else [scores, value @ written]
        rank = np.linalg.matrix_rank(np.concatenate(parts, axis=2), rtol=1e-9).max()
        return int(rank) - bool(query_bias or value_bias)

    def of_reads(self):
        scale = np.sqrt(np.diag(self.moment))
        kept = scale > 0
        cosines = self.moment[kept][:, kept] / np.outer(scale[kept], scale[kept])
        return int(np.linalg.matrix_rank(cosines, rtol=1e-12, hermitian=True))


# What all inputs together say.


class Findings:
    def __init__(self, model, stream, rule):
        self.model, self.stream, self.rule = model, stream, rule
        self.is_number = model.meta["output_kind"] == "numerical"
        self.inputs = self.right_inputs = self.again = 0
        self.counted = self.right = self.wrong = self.tied = 0
        self.tied_gap = None
        # Of the smallest gap, or the largest error.
        self.value = self.low = self.high = -math.inf if self.is_number else math.inf
        self.compiled_value = self.compiled_low = self.compiled_high = math.inf
        self.sum = self.sum_bound = 0.0
        self.bound = 0.0
        self.occurring = set()
        self.answers = {}
        blocks = [b for b in range(2 * model.layers) if model.writes(b)]
        self.products = {b: np.zeros(3) for b in blocks}
        self.ranks = Ranks(model)

    def add(self, tokens):
        """Inputs [N, T]."""
        compiled, scores, states = forward(self.model, tokens)
        compressed, found, _ = forward(self.model, tokens, self.stream)
        self.ranks.add(states)
        for block, sums in self.products.items():
            h, h_tilde = compiled[block].value, compressed[block].value
            sums += [(h * h_tilde).sum(), (h * h).sum(), (h_tilde * h_tilde).sum()]
        for i, row in enumerate(tokens):
            words = [p for p in range(1, len(row)) if row[p] in self.model.words]
            answers = {p: self.answer(scores[i, p], found[i, p]) for p in words}
            if any(self.is_open(answer) for answer in answers.values()):
                self.again += 1
                exact = forward_in_intervals(self.model, row)
                exact_found = forward_in_intervals(self.model, row, self.stream)
                answers = {p: self.exact_answer(exact, exact_found, p) for p in words}
            self.inputs += 1
            right = [self.take(tuple(row), p, answer) for p, answer in answers.items()]
            self.right_inputs += all(right)

    def answer(self, scores, found):
        """Expected, found, the compiled gap's and the deciding number's (value, low, high)."""
        if self.is_number:
            value = found.value[0] - scores.value[0]
            bound = upwards(found.radius[0] + scores.radius[0] + U * abs(value), 4)
            return float(scores.value[0]), float(found.value[0]), None, error(value, value - bound, value + bound)
        own = int(np.argmax(scores.value))
        return own, int(np.argmax(found.value)), gap(scores, own), gap(found, own)

    def exact_answer(self, exact, found, position):
        if self.is_number:
            difference = found.difference(position, 0, 0, exact)
            values = exact.value[position][0], found.value[position][0]
            return *map(float, values), None, error(*difference)
        own = int(np.argmax(exact.value[position]))
        others = [c for c in range(exact.value.shape[1]) if c != own]

        def exact_gap(scores):
            leads = [scores.difference(position, own, c) for c in others]
            return tuple(min(part) for part in zip(*leads)) if leads else (math.inf,) * 3

        return own, int(np.argmax(found.value[position])), exact_gap(exact), exact_gap(found)

    def is_open(self, answer):
        _, _, compiled, (value, low, high) = answer
        # What is not a number, after an overflow, is open, too: no comparison with it holds.
        if self.is_number:
            limit = self.rule["max_error"]
            is_decided = high <= limit or low > limit
            return not (is_decided and max(value - low, high - value) <= 1e-3 * self.rule["mean_error"])
        is_tie = compiled[2] < TIE_BELOW
        is_decided = compiled[1] >= TIE_BELOW and (low > 0 or high < 0)
        return not (is_tie or is_decided)

    def take(self, row, position, answer):
        """Whether it is right, or does not count."""
        expected, found, compiled, (value, low, high) = answer
        if compiled is not None and compiled[1] < TIE_BELOW:
            self.tied += 1
            self.tied_gap = compiled[0] if self.tied_gap is None else max(self.tied_gap, compiled[0])
            return True
        self.counted += 1
        self.occurring.add(round(expected, 9))
        self.answers[row[1:], position] = expected, found, value
        bound = max(value - low, high - value)
        self.bound = max(self.bound, bound)
        self.sum += value
        self.sum_bound += bound
        pick = max if self.is_number else min
        self.value, self.low, self.high = map(pick, (self.value, self.low, self.high), (value, low, high))
        if compiled is not None:
            self.compiled_value = min(self.compiled_value, compiled[0])
            self.compiled_low = min(self.compiled_low, compiled[1])
            self.compiled_high = min(self.compiled_high, compiled[2])
        if self.is_number:
            right, wrong = high <= self.rule["max_error"], low > self.rule["max_error"]
        else:
            right, wrong = low > 0, high < 0
        self.right += right
        self.wrong += wrong
        return right

    def different(self):
        numbers = sorted(self.occurring)
        return sum(b - a > SAME_NUMBER for a, b in zip([-math.inf, *numbers], numbers))

    def mean(self):
        n = max(self.counted, 1)
        return self.sum / n, upwards((self.sum_bound + 2 * gamma(n) * self.sum) / n, 2 * n + 4)

    def cosines(self):
        return {
            block_name(b): float(sums[0] / math.sqrt(sums[1]) / math.sqrt(sums[2]))
            for b, sums in self.products.items()
            if sums[1] > 0 and sums[2] > 0
        }


def error(value, low, high):
    return float(abs(value)), float(max(0.0, low, -high)), float(max(high, -low))


def gap(scores, own):
    """The lead of class `own` over the best other one: value, low, high."""
    value = scores.value[own] - scores.value
    radius = upwards(scores.radius + scores.radius[own] + U * np.abs(value), 4)
    others = np.arange(len(value)) != own
    if not others.any():
        return math.inf, math.inf, math.inf
    parts = value, value - radius, value + radius
    return tuple(float(part[others].min()) for part in parts)


# The certificate.


def claim(certificate, model):
    """The sentence that the other fields make."""
    space, rule = certificate["space"], certificate["rule"]
    lengths = space["lengths"]
    if model.meta["output_kind"] == "numerical":
        answers = (
            "gives the compiled model's number at every token, with a mean absolute error of at most "
            f"{shown(rule['mean_error'])} and a largest one of at most {shown(rule['max_error'])}"
        )
    else:
        answers = "gives the compiled model's class at every token"
    tokens = "token" if lengths == [1] else "tokens"
    *others, last = map(str, lengths)
    listed = f"{', '.join(others)} or {last}" if others else last
    unique = ", none of them twice" if space["unique_tokens"] else ""
    return (
        f"{model.meta['program']} of width D = {certificate['model']['D']}, compressed to d = "
        f"{certificate['projection']['d']}, {answers}, on all {space['inputs']} inputs of "
        f"{listed} {tokens}{unique}"
    )


def shown(x):
    """A number without an exponent, as the certificate's sentence has it."""
    return np.format_float_positional(x, trim="-")


FIELDS = {
    "format_version", "verdict", "claim", "program", "model", "projection", "space", "output", "rule",
    "right_inputs", "answers", "rounding", "worst", "cosines", "smallest_cosine", "double_double_inputs", "version",
    "lower_bounds",
}  # fmt: skip
OF_CLASSES = {"gap", "compiled_gap", "largest_tied_gap"}
OF_NUMBERS = {"mean_error", "max_error"}


class Check:
    """Collects what is wrong."""

    def __init__(self):
        self.wrong = []

    def that(self, is_so, text):
        if not is_so:
            self.wrong.append(text)
        return bool(is_so)

    def same(self, name, found, expected):
        same = type(found) is type(expected) and found == expected
        return self.that(same, f"{name} is {found!r}, found {expected!r}")

    def near(self, name, found, expected, bound):
        is_number = isinstance(found, (int, float)) and not isinstance(found, bool)
        near = is_number and abs(found - expected) <= bound + 8 * U * abs(expected)
        return self.that(near, f"{name} is {found!r}, found {expected!r} within {bound:.1e}")


def check(certificate, run, model_path, limits):
    """What is wrong with a certificate, line by line."""
    is_ = Check()
    verdict = certificate.get("verdict")
    if verdict != "proved":
        return [f"it claims no proof: its verdict is {verdict!r}"]
    config = read_config(run)
    model = Model(model_path or model_of(config, run))
    is_number = model.meta["output_kind"] == "numerical"
    fields = FIELDS | (OF_NUMBERS if is_number else OF_CLASSES)
    missing = sorted(fields - set(certificate))
    strange = sorted(set(certificate) - fields)
    if missing or strange:
        return [f"its fields are not those of a certificate: {missing} are missing, {strange} do not belong in it"]

    matrices, metadata, projection_sha256 = read_tensors(run / "projection.safetensors")
    stream = Stream(model, matrices)
    widths = {matrix.shape for matrix in matrices.values()}
    width = len(model.meta["residual_labels"])
    labels = json.loads(metadata.get("residual_labels", "null"))
    is_.that(len(widths) == 1 and next(iter(widths))[1] == width, "the matrices have not all the shape [d, D]")
    is_.that(labels == model.meta["residual_labels"], "the projection's features are not the model's")
    is_.same("format_version", certificate["format_version"], 1)
    is_.same("program", certificate["program"], model.meta["program"])
    is_.same("output", certificate["output"], model.meta["output_kind"])
    is_.same("model", certificate["model"], {"sha256": model.sha256, "D": width})
    projection = certificate["projection"]
    is_.same("projection.sha256", projection.get("sha256"), projection_sha256)
    is_.same("projection.d", projection.get("d"), next(iter(widths))[0])
    is_.same("projection.matrices", sorted(projection.get("matrices", [])), sorted(matrices))
    is_.that(isinstance(certificate["version"], str) and certificate["version"], "it names no version")

    space, rule = certificate["space"], certificate["rule"]
    inputs = config.get("inputs", {})
    longest = model.meta["max_seq_len"]
    lengths = inputs.get("lengths", [longest])
    is_.same("space.lengths", space.get("lengths"), lengths)
    is_.same("space.unique_tokens", space.get("unique_tokens"), inputs.get("unique_tokens", False))
    is_.same("space.enumerated", space.get("enumerated"), True)
    condition = space.get("valid")
    is_.that(condition is None, f"its inputs are those of which `{condition}` is true, which this check cannot evaluate")
    is_.that(set(space) - {"valid"} == {"lengths", "unique_tokens", "inputs", "enumerated"}, "its space has other fields")
    if is_number:
        is_.that(set(rule) == {"mean_error", "max_error"}, "its rule is not that of numbers")
        for name, limit in limits.items():
            loose = f"its rule allows a {name} of {rule.get(name)!r}, more than {limit}"
            is_.that(isinstance(rule.get(name), (int, float)) and 0 < rule[name] <= limit, loose)
    else:
        is_.same("rule", rule, {"gap_above": 0.0, "tie_below": TIE_BELOW})
    if is_.wrong:
        return is_.wrong
    is_.same("claim", certificate["claim"], claim(certificate, model))

    findings = Findings(model, stream, rule)
    everything = members(model, space["lengths"], space["unique_tokens"])
    while part := list(itertools.islice(everything, 256)):
        findings.add(np.array(part))
    compare(is_, certificate, findings)
    return is_.wrong


def checked(certificate, run, model_path, limits):
    """The same for whatever JSON a certificate may be."""
    try:
        return check(certificate, run, model_path, limits)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        return [f"a field is missing or of the wrong kind: {error!r}"]


def compare(is_, certificate, findings):
    """The certificate's numbers with those that were found."""
    model = findings.model
    is_.same("space.inputs", certificate["space"]["inputs"], findings.inputs)
    is_.same("right_inputs", certificate["right_inputs"], findings.right_inputs)
    expected = {
        "counted": findings.counted,
        "right": findings.right,
        "wrong": findings.wrong,
        "tied": findings.tied,
        "different": findings.different(),
    }
    is_.same("answers", certificate["answers"], expected)
    is_.that(findings.different() > 1, "its space has a single answer: the claim is empty")
    is_.that(findings.right == findings.counted > 0, "not every answer is proved right")
    rounding = certificate["rounding"]
    if not is_.that(isinstance(rounding, float) and 0 <= rounding < math.inf, "rounding is no bound"):
        return
    slack = rounding + findings.bound
    again = certificate["double_double_inputs"]
    is_.that(isinstance(again, int) and 0 <= again <= findings.inputs, "double_double_inputs is no number of inputs")

    if findings.is_number:
        name, decisive = "error", certificate["max_error"]
        mean, bound = findings.mean()
        limits = findings.rule
        is_.that(mean + bound <= limits["mean_error"], f"the mean error is not proved to be at most {limits['mean_error']}")
        of_mean = certificate["mean_error"]
        is_.near("mean_error.value", of_mean["value"], mean, slack)
        is_.near("mean_error.at_most", of_mean["at_most"], mean, slack + rounding)
        is_.that(of_mean["at_most"] >= mean - bound, f"mean_error.at_most is less than the mean error {mean!r}")
        is_.near("max_error.value", decisive["value"], findings.value, slack)
        is_.near("max_error.at_most", decisive["at_most"], findings.value, slack + rounding)
        is_.that(decisive["at_most"] >= findings.low, f"max_error.at_most is less than the error {findings.value!r}")
        is_.that(0 <= decisive["at_least"] <= findings.high, "max_error.at_least is more than the largest error")
    else:
        name, decisive = "gap", certificate["gap"]
        compiled = certificate["compiled_gap"]
        is_.near("gap.value", decisive["value"], findings.value, slack)
        is_.near("gap.at_least", decisive["at_least"], findings.value, slack + rounding)
        is_.that(0 < decisive["at_least"] <= findings.high, f"gap.at_least is more than the gap {findings.value!r}")
        bound = findings.compiled_high - findings.compiled_low
        is_.near("compiled_gap.value", compiled["value"], findings.compiled_value, bound)
        is_.that(
            TIE_BELOW <= compiled["at_least"] <= min(compiled["value"], findings.compiled_high),
            f"compiled_gap.at_least is more than the compiled model's gap {findings.compiled_value!r}, or less than a tie",
        )
        tied = certificate["largest_tied_gap"]
        if findings.tied_gap is None:
            is_.same("largest_tied_gap", tied, None)
        else:
            is_.near("largest_tied_gap", tied, findings.tied_gap, 1e-9)

    worst = certificate["worst"]
    vocabulary = model.meta["input_vocab"]
    padding = [model.meta["pad_id"]] * (model.meta["max_seq_len"] - len(worst["input"]))
    tokens = [vocabulary.index(token) for token in worst["input"] if token in vocabulary]
    answer = findings.answers.get((tuple(tokens + padding), worst["position"]))
    if is_.that(answer and len(tokens) == len(worst["input"]), "worst is no answer of the space that counts"):
        expected, found, value = answer
        if findings.is_number:
            near = 1e-9 * max(1.0, abs(expected))
            is_.near("worst.expected", worst["expected"], expected, near)
            is_.near("worst.found", worst["found"], found, near + slack)
        else:
            is_.same("worst.expected", worst["expected"], model.classes[expected])
            is_.same("worst.found", worst["found"], model.classes[found])
        is_.near(f"worst.{name}", worst[name], value, slack)
        is_.near("worst, of all answers", value, findings.value, slack)

    cosines = findings.cosines()
    for block in range(2 * model.layers):
        block = block_name(block)
        entry = certificate["cosines"].get(block)
        if block not in cosines:
            is_.same(f"cosines.{block}", entry, None)
        elif is_.that(isinstance(entry, dict), f"cosines.{block} is missing"):
            is_.near(f"cosines.{block}", entry["value"], cosines[block], 1e-9)
            is_.that(0 <= entry["rounding"] < 1, f"the bound of cosines.{block} is {entry['rounding']!r}")
    is_.same("the blocks of cosines", sorted(certificate["cosines"]), sorted(map(block_name, range(2 * model.layers))))
    bounds = certificate["lower_bounds"]
    three = not findings.is_number and findings.different() > 2
    is_.same("lower_bounds.outputs", bounds["outputs"], 2 if three else 1)
    if len(findings.stream.matrices) > 2:
        is_.same("lower_bounds.reads", bounds["reads"], None)
    else:
        rank = findings.ranks.of_reads()
        is_.that(0 <= bounds["reads"] <= rank, f"lower_bounds.reads is {bounds['reads']!r}, the rank of what is read is {rank}")
    attention = bounds["attention"]
    if attention is not None:
        of_heads = {(block_name(2 * layer), head): rank for (layer, head), rank in findings.ranks.heads.items()}
        rank = of_heads.get((attention["block"], attention["head"]), 0)
        is_.that(0 < attention["d"] <= rank, f"lower_bounds.attention is {attention!r}, the head's rank is {rank}")

    smallest = certificate["smallest_cosine"]
    if cosines and is_.that(isinstance(smallest, dict), "smallest_cosine is missing"):
        is_.near("smallest_cosine", smallest["cosine"], min(cosines.values()), 1e-9)
        is_.near("smallest_cosine's block", cosines.get(smallest["block"], math.nan), min(cosines.values()), 1e-9)


def read_config(run):
    path = run / "config.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Unreadable(f"{path}: {error}") from error


def model_of(config, run):
    path = config.get("model", {}).get("path")
    if path is None:
        raise Unreadable(
            f"{run} names a program and no model file: `compress certify {run} --write-model FILE` writes it, "
            "and --model FILE names it here"
        )
    return run / path


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("certificate", type=pathlib.Path)
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("--model", type=pathlib.Path, help="the compiled model's file")
    parser.add_argument("--mae", type=float, default=0.005, help="refuse a looser rule [0.005]")
    parser.add_argument("--max-error", type=float, default=0.05, help="refuse a looser rule [0.05]")
    arguments = parser.parse_args()
    limits = {"mean_error": arguments.mae, "max_error": arguments.max_error}
    try:
        certificate = json.loads(arguments.certificate.read_text(encoding="utf-8"))
        wrong = checked(certificate, arguments.run, arguments.model, limits)
    except (Unreadable, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for line in wrong:
        print(f"WRONG: {line}")
    if not wrong:
        print(f"proved again: {certificate['claim']}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
