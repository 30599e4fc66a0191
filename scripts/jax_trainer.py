"""The project's training in JAX: Tracr's own CompressedTransformer, Optax's AdamW.

What a user of JAX who knows it well would write, to measure against and to check with: the targets of
an enumerable input space come from a table, everything is jitted, buffers are donated.

B is the batch, T the positions with BOS, D the width of the residual stream, d the compressed one,
L the layers, O the columns of the unembedding, N the members of the input space.
"""

import dataclasses
import itertools
import string
from functools import partial
from typing import Any, Callable, NamedTuple, Sequence

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
import optax
from tracr.transformer.compressed_model import CompressedTransformer

import tracr_model_file
from tracr_programs import BOS, PAD, PROGRAMS, Program, compile_program

BATCH = 256
STEPS = 300_000  # of the paper's run; only the learning rate depends on it


@dataclasses.dataclass(frozen=True)
class Case:
    """A program, its inputs, and the compressed widths to train."""

    program: Program
    lengths: Sequence[int]
    output_positions: str  # "all", or "tokens": neither BOS nor PAD
    dims: Sequence[int]
    scanned: int  # steps in one call of the lax.scan trainer


_long = dataclasses.replace(
    PROGRAMS["frac_prevs"], vocabulary=string.ascii_letters + "_", max_seq_len=60
)
CASES = {
    "frac_prevs": Case(PROGRAMS["frac_prevs"], [5], "all", [4, 8, 12], 500),
    "sort_unique": Case(PROGRAMS["sort_unique"], [1, 2, 3, 4, 5], "tokens", [8, 12, 20], 500),
    "shuffle_dyck2": Case(PROGRAMS["shuffle_dyck2"], [5], "tokens", [50], 100),
    "long": Case(_long, [60], "all", [30], 2),
}


class Inputs(NamedTuple):
    """What the loss reads of B inputs."""

    features: jax.Array  # [B, T, D] the embedding
    blocks: list[jax.Array]  # 2L of [B, T, D]: the compiled model's block outputs
    output: jax.Array  # [B, T] the compiled model's number or class
    counted: jax.Array  # [B, T] 1 where L_out counts, else 0


class Problem:
    """A compiled model with its objective, in one precision."""

    def __init__(self, case: Case, dtype: Any = jnp.float32):
        program = case.program
        model, _ = compile_program(
            program.build(program.max_seq_len), program.vocabulary, program.max_seq_len
        )

        def cast(weights: np.ndarray) -> jax.Array:
            # Tracr compiles in float64 where JAX may; a model's weights are float32.
            return jnp.asarray(np.asarray(weights, np.float32), dtype)

        params = jax.tree.map(cast, model.params)
        self.case = case
        self.dtype = dtype
        self.token_embed = params.pop("token_embed")["embeddings"]  # [V, D]
        self.pos_embed = params.pop("pos_embed")["embeddings"]  # [T, D]
        self.unembed = cast(tracr_model_file.unembedding_matrix(model))  # [D, O]
        self.frozen = params
        self.categorical = tracr_model_file.is_categorical(model)
        self.width = len(model.residual_labels)
        self.config = model.model_config
        ids = model.input_encoder.encoding_map
        self.bos, self.pad = ids[BOS], ids[PAD]
        self.words = np.array([ids[word] for word in program.vocabulary])

    def forward(
        self, features: jax.Array, w: jax.Array | None
    ) -> tuple[list[jax.Array], jax.Array]:
        """Block outputs, 2L of [B, T, D], and output columns [B, T, O], compressed by `w` if given."""
        mask = jnp.ones(features.shape[:2], dtype=bool)

        def run():
            transformer = CompressedTransformer(self.config, name="transformer")
            return transformer(
                features,
                mask,
                use_dropout=False,
                embedding_size=None if w is None else w.shape[0],
                unembed_at_every_layer=True,
            )

        params = self.frozen if w is None else {**self.frozen, "transformer": {"w_emb": w}}
        out = hk.without_apply_rng(hk.transform(run)).apply(params)
        return out.layer_outputs, out.output @ self.unembed

    def inputs(self, tokens: jax.Array) -> Inputs:
        """Embeds tokens [B, T] and runs the compiled model for the targets."""
        features = self.token_embed[tokens] + self.pos_embed[: tokens.shape[1]]
        blocks, columns = self.forward(features, None)
        if self.case.output_positions == "all":
            counted = jnp.ones(tokens.shape, self.dtype)
        else:
            counted = ((tokens != self.bos) & (tokens != self.pad)).astype(self.dtype)
        output = columns.argmax(-1) if self.categorical else columns[..., 0]
        return Inputs(features, blocks, output, counted)

    def loss(self, w: jax.Array, inputs: Inputs) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        """L = L_out + L_layer, and the two."""
        blocks, columns = self.forward(inputs.features, w)
        layers = sum(
            jnp.square(h - h_tilde).sum(-1).mean() for h, h_tilde in zip(inputs.blocks, blocks)
        )
        if self.categorical:
            at = optax.softmax_cross_entropy_with_integer_labels(columns, inputs.output)
        else:
            at = jnp.square(inputs.output - columns[..., 0])
        output = (at * inputs.counted).sum() / inputs.counted.sum()
        return output + layers, (output, layers)

    def members(self) -> np.ndarray | None:
        """All inputs [N, T], or None if there are too many."""
        words, case = len(self.words), self.case
        if sum(words**length for length in case.lengths) > 1 << 20:
            return None
        choose = (
            itertools.permutations
            if case.program.unique_tokens
            else lambda pool, length: itertools.product(pool, repeat=length)
        )
        rows = [
            [self.bos, *chosen, *[self.pad] * (case.program.max_seq_len - length)]
            for length in case.lengths
            for chosen in choose(self.words, length)
        ]
        return np.array(rows, dtype=np.int32)

    def source(
        self, inputs: Callable[[jax.Array], Any]
    ) -> tuple[Callable[[jax.Array, int], jax.Array], Callable[[Any], Any]]:
        """How to draw batches, and what the loss reads of one, which `inputs` makes of tokens [B, T].

        `draw(key, n)` makes n batches at once: numbers of members, or tokens where the space cannot
        be enumerated.
        """
        members = self.members()
        if members is None:
            length = self.case.program.max_seq_len
            assert list(self.case.lengths) == [length], "one full length"
            words = jnp.asarray(self.words)

            def draw(key: jax.Array, n: int) -> jax.Array:
                chosen = words[jax.random.randint(key, (n, BATCH, length), 0, len(words))]
                return jnp.pad(chosen, ((0, 0), (0, 0), (1, 0)), constant_values=self.bos)

            return draw, inputs
        table = jax.jit(inputs)(jnp.asarray(members))

        def gather(chosen: jax.Array) -> Any:
            return jax.tree.map(lambda part: part[chosen], table)

        return (
            lambda key, n: jax.random.randint(key, (n, BATCH), 0, len(members)),
            gather,
        )


def optimizer(steps: int = STEPS) -> optax.GradientTransformation:
    """AdamW of the paper's appendix E."""
    rate = optax.linear_schedule(1e-3, 1e-6, steps // 2)
    return optax.adamw(rate, b1=0.9, b2=0.99, eps=1e-8, weight_decay=0.1)


def apply(adamw: optax.GradientTransformation, state: Any, gradient: jax.Array):
    """The optimiser's part of a step."""
    w, moments = state
    change, moments = adamw.update(gradient, moments, w)
    return optax.apply_updates(w, change), moments


class Trainer:
    """`run()` does `steps` steps of each of `runs` runs and returns when they are done.

    The objective is the problem, or another one with its `loss` and `inputs`. Several runs, which differ in W and in
    their batches, are one `vmap`.
    """

    def __init__(self, problem: Problem, dim: int, objective: Any = None, runs: int = 1):
        objective = objective or problem
        adamw = optimizer()
        self.keys = jax.random.split(jax.random.key(0), runs)
        shape = (runs, dim, problem.width)
        w = jax.random.normal(jax.random.key(1), shape, problem.dtype)
        self.state = w, jax.vmap(adamw.init)(w)
        self.draw, read = problem.source(objective.inputs)
        gradient = jax.grad(objective.loss, has_aux=True)

        def step(state: Any, batch: Any) -> Any:
            return apply(adamw, state, gradient(state[0], read(batch))[0])

        # One run is not a vmap over one: it is written as its user would write it.
        if runs == 1:
            self.keys, self.state = jax.tree.map(lambda x: x[0], (self.keys, self.state))
            self.over_runs = lambda function: function
        else:
            self.over_runs = jax.vmap
        self.step = step
        self.runs = runs

    def advance(self) -> Any:
        """Keys for the next batches, one a run."""
        pairs = self.over_runs(jax.random.split)(self.keys)
        self.keys = pairs[..., 0]
        return pairs[..., 1]


class Naive(Trainer):
    """A jitted step called from a Python loop; batches are drawn in advance."""

    def __init__(self, problem: Problem, dim: int):
        super().__init__(problem, dim)
        self.steps = max(1, problem.case.scanned // 5)
        self.jitted = jax.jit(self.step, donate_argnums=0)
        self.drawn = jax.jit(partial(self.draw, n=self.steps))

    def run(self) -> None:
        for batch in np.asarray(self.drawn(self.advance())):
            self.state = self.jitted(self.state, batch)
        jax.block_until_ready(self.state)


class Scan(Trainer):
    """`lax.scan` over many steps, batches drawn inside the same call."""

    def __init__(self, problem: Problem, dim: int, objective: Any = None, runs: int = 1):
        super().__init__(problem, dim, objective, runs)
        self.steps = max(1, problem.case.scanned // runs)

        def one(state: Any, key: jax.Array) -> Any:
            batches = self.draw(key, self.steps)
            return jax.lax.scan(lambda s, b: (self.step(s, b), None), state, batches)[0]

        self.many = jax.jit(self.over_runs(one), donate_argnums=0)

    def run(self) -> None:
        self.state = self.many(self.state, self.advance())
        jax.block_until_ready(self.state)
