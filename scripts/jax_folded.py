"""The objective in feature space, in JAX: docs/engine.md's formulation, as far as array code has it.

All that a step needs of W is G = WᵀW between the rows that write to the stream and the columns that are read from it:
P = S·G·M. Left out is what never contributes (zero columns, heads and hidden units that nobody reads, dead blocks),
and tokens reach a reader as indicators times their rows of P. The batch is the last axis everywhere, so that readers are matrix
products with wide right sides and attentions loops over neighbouring numbers (with the batch first it is slower). What the
fused engine does besides, and array code of fixed shapes does not: an input that occurs twice in a batch is computed once, nothing is stored between the blocks.

B is the batch, T the positions with BOS, V the vocabulary, D the width of the residual stream, d the compressed one.
"""

import dataclasses
from typing import NamedTuple, Sequence

import jax
import jax.numpy as jnp
import numpy as np
import optax


class Inputs(NamedTuple):
    """What the loss reads of B inputs."""

    indicators: jax.Array  # [B, V, T] which token stands where
    blocks: list[jax.Array]  # of each live block [B, columns, T]: what the compiled model writes
    output: jax.Array  # [B, T] the compiled model's number or class
    counted: jax.Array  # [B, T] 1 where L_out counts, else 0


@dataclasses.dataclass(frozen=True)
class Reader:
    """What stands in front of a block, or the unembedding."""

    columns: np.ndarray  # [D, C]
    bias: np.ndarray  # [C]


@dataclasses.dataclass(frozen=True)
class Head:
    """One live head; slices of its reader's columns."""

    query: slice
    key: slice
    value: slice
    output: np.ndarray  # [values, columns] to the columns that the block writes


@dataclasses.dataclass(frozen=True)
class Block:
    """A live block: heads, or hidden units."""

    index: int  # among all 2L
    written: np.ndarray  # the dimensions it writes to
    heads: Sequence[Head]
    hidden: np.ndarray | None  # [hidden, columns]
    bias: np.ndarray  # [columns]


class Folded:
    """The objective of a `jax_trainer.Problem`, for `Scan`."""

    def __init__(self, problem):
        self.problem = problem
        self.dtype = problem.dtype
        self.readers: list[Reader] = []
        self.blocks: list[Block] = []
        for layer in range(problem.config.num_layers):
            self._attention(layer)
            self._mlp(layer)
        unembed = np.asarray(problem.unembed, np.float64)
        self.readers.append(Reader(unembed, np.zeros(unembed.shape[1])))
        unit = np.eye(problem.width)
        sources = [np.asarray(problem.token_embed), np.asarray(problem.pos_embed)]
        sources += [unit[block.written] for block in self.blocks]
        cast = lambda array: jnp.asarray(array, problem.dtype)
        self.sources = cast(np.concatenate(sources))  # S
        self.columns = cast(np.concatenate([r.columns for r in self.readers], axis=1))  # M
        self.bias = cast(np.concatenate([r.bias for r in self.readers]))

    def _weights(self, layer: int, place: str) -> tuple[np.ndarray, np.ndarray]:
        pair = self.problem.frozen[f"transformer/layer_{layer}/{place}"]
        return np.asarray(pair["w"], np.float64), np.asarray(pair["b"], np.float64)

    def _attention(self, layer: int) -> None:
        config = self.problem.config
        parts = [self._weights(layer, f"attn/{name}") for name in ("query", "key", "value")]
        output, bias = self._weights(layer, "attn/linear")
        columns, biases, heads, rows, at = [], [], [], [], 0
        for head in range(config.num_heads):
            own = slice(head * config.key_size, (head + 1) * config.key_size)
            (query, query_bias), (key, key_bias), (value, value_bias) = (
                (w[:, own], b[own]) for w, b in parts
            )
            live = (query.any(0) | (query_bias != 0)) & key.any(0)
            read = output[own].any(1) & (value.any(0) | (value_bias != 0))
            if not read.any():
                continue
            # The logits' factor goes into the queries.
            factor = 1 / np.sqrt(config.key_size)
            columns += [query[:, live] * factor, key[:, live], value[:, read]]
            biases += [query_bias[live] * factor, key_bias[live], value_bias[read]]
            ends = np.cumsum([at, live.sum(), live.sum(), read.sum()])
            heads.append([slice(a, b) for a, b in zip(ends, ends[1:])])
            rows.append(output[own][read])
            at = ends[-1]
        written = np.flatnonzero(sum((abs(r).sum(0) for r in rows), abs(bias)))
        if written.size:
            self.readers.append(
                Reader(
                    np.concatenate(columns, axis=1) if columns else np.zeros((self.problem.width, 0)),
                    np.concatenate(biases) if biases else np.zeros(0),
                )
            )
            heads = [Head(*h, r[:, written]) for h, r in zip(heads, rows)]
            self.blocks.append(Block(2 * layer, written, heads, None, bias[written]))

    def _mlp(self, layer: int) -> None:
        into, into_bias = self._weights(layer, "mlp/linear_1")
        out, bias = self._weights(layer, "mlp/linear_2")
        live = (into.any(0) | (into_bias > 0)) & out.any(1)
        written = np.flatnonzero(abs(out[live]).sum(0) + abs(bias))
        if written.size:
            self.readers.append(Reader(into[:, live], into_bias[live]))
            self.blocks.append(
                Block(2 * layer + 1, written, [], out[live][:, written], bias[written])
            )

    def inputs(self, tokens: jax.Array) -> Inputs:
        """The compiled model's targets for tokens [B, T]."""
        full = self.problem.inputs(tokens)
        indicators = jax.nn.one_hot(tokens, len(self.problem.token_embed), dtype=self.problem.dtype)
        return Inputs(
            indicators.swapaxes(1, 2),
            [full.blocks[block.index][..., block.written].swapaxes(1, 2) for block in self.blocks],
            full.output,
            full.counted,
        )

    def forward(self, w: jax.Array, indicators: jax.Array) -> tuple[list[jax.Array], jax.Array]:
        """What each live block writes, [columns, T, B] each, and the output's columns [O, T, B], from [V, T, B]."""
        folded = (self.sources @ w.T) @ (w @ self.columns)  # P, all readers side by side
        tokens, positions, _ = indicators.shape
        constant = folded[tokens : tokens + positions].T + self.bias[:, None]
        table = combined(folded[:tokens], indicators) + constant[..., None]
        first_block_row = tokens + len(self.problem.pos_embed)
        written: list[jax.Array] = []
        column = 0
        for reader, block in zip(self.readers, [*self.blocks, None]):
            own = slice(column, column + reader.columns.shape[1])
            column = own.stop
            z = table[own]
            if written:
                stream = jnp.concatenate(written)
                z = z + combined(folded[first_block_row : first_block_row + len(stream), own], stream)
            if block is None:
                return written, z
            if block.hidden is not None:
                out = combined(jnp.asarray(block.hidden, z.dtype), jax.nn.relu(z))
            else:
                out = sum(self._head(head, z) for head in block.heads)
            written.append(out + jnp.asarray(block.bias, z.dtype)[:, None, None])
        raise AssertionError("the unembedding comes last")

    def _head(self, head: Head, z: jax.Array) -> jax.Array:
        query, key, value = z[head.query], z[head.key], z[head.value]
        logits = sum(q[:, None] * k[None] for q, k in zip(query, key))  # [queries, keys, B]
        if self.problem.config.causal:
            seen = np.tril(np.ones(logits.shape[:2], bool))
            logits = jnp.where(seen[..., None], logits, -1e30)
        pattern = jax.nn.softmax(logits, axis=1)
        mixed = jnp.stack([(pattern * v[None]).sum(1) for v in value])
        return combined(jnp.asarray(head.output, z.dtype), mixed)

    def loss(self, w: jax.Array, inputs: Inputs) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        """L = L_out + L_layer, and the two."""
        inputs = jax.tree.map(lambda part: jnp.moveaxis(part, 0, -1), inputs)
        written, columns = self.forward(w, inputs.indicators)
        layers = sum(
            jnp.square(h - h_tilde).sum(0).mean() for h, h_tilde in zip(inputs.blocks, written)
        )
        if self.problem.categorical:
            scores = jnp.moveaxis(columns, 0, -1)
            at = optax.softmax_cross_entropy_with_integer_labels(scores, inputs.output)
        else:
            at = jnp.square(inputs.output - columns[0])
        output = (at * inputs.counted).sum() / inputs.counted.sum()
        return output + layers, (output, layers)


def combined(weights: jax.Array, x: jax.Array) -> jax.Array:
    """Columns [C, T, B] from sources [S, T, B] by weights [S, C]."""
    return (weights.T @ x.reshape(len(x), -1)).reshape(weights.shape[1], *x.shape[1:])
