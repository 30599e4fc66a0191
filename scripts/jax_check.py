"""The JAX trainer against the reference trajectories (tests/fixtures/README.md).

A trajectory is 50 steps on given batches: losses, gradients and W, all in float64. Needs
`jax_enable_x64`.
"""

import dataclasses
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from safetensors import safe_open

import jax_trainer

EXACT = 1e-8
# In float32 the gradient of sort_unique, whose softmax turns on logits near 100, loses that much.
ROUNDED = {"frac_prevs": 2e-5, "sort_unique": 2e-3}


def compare(path: Path) -> bool:
    """Prints the largest relative differences of one trajectory; whether they are small enough."""
    with safe_open(path, framework="numpy") as file:
        theirs = {key: file.get_tensor(key) for key in file.keys()}
        info = json.loads(file.metadata()["info"])
    name = Path(info["model"]).stem
    case = dataclasses.replace(jax_trainer.CASES[name], output_positions=info["output_positions"])
    exact = follow(jax_trainer.Problem(case, jnp.float64), theirs)
    rounded = first_step(jax_trainer.Problem(case, jnp.float32), theirs)
    print(f"{path.stem:28} 50 steps in float64 {exact:.1e}, a step in float32 {rounded:.1e}")
    return exact <= EXACT and rounded <= ROUNDED[name]


def follow(problem: jax_trainer.Problem, theirs: dict[str, np.ndarray]) -> float:
    """Trains through all batches; the largest difference of losses, gradients and W."""
    adamw = jax_trainer.optimizer(len(theirs["batches"]))
    value_and_grad = jax.jit(jax.value_and_grad(problem.loss, has_aux=True))
    w = jnp.asarray(theirs["W0"], problem.dtype)
    state = w, adamw.init(w)
    differences = []
    for k, tokens in enumerate(theirs["batches"]):
        inputs = problem.inputs(jnp.asarray(tokens))
        (_, (output, layers)), gradient = value_and_grad(state[0], inputs)
        differences.append(relative(output, theirs["L_out_before"][k]))
        differences.append(relative(layers, theirs["L_layer_before"][k]))
        if k < 3:
            differences.append(relative(gradient, theirs[f"grad_step{k + 1}"]))
        # As the reference did, op by op: compiled, the float32 schedule rounds differently.
        state = jax_trainer.apply(adamw, state, gradient)
        if k == 0:
            differences.append(relative(state[0], theirs["W_step1"]))
    differences.append(relative(state[0], theirs["W_step50"]))
    return max(differences)


def first_step(problem: jax_trainer.Problem, theirs: dict[str, np.ndarray]) -> float:
    """The difference of the first losses and gradient."""
    w = jnp.asarray(theirs["W0"], problem.dtype)
    inputs = problem.inputs(jnp.asarray(theirs["batches"][0]))
    (_, (output, layers)), gradient = jax.value_and_grad(problem.loss, has_aux=True)(w, inputs)
    assert gradient.dtype == problem.dtype
    return max(
        relative(output, theirs["L_out_before"][0]),
        relative(layers, theirs["L_layer_before"][0]),
        relative(gradient, theirs["grad_step1"]),
    )


def relative(ours: jax.Array, theirs: np.ndarray) -> float:
    """Largest difference relative to the reference's largest entry; infinite if not a number."""
    difference = np.abs(np.asarray(ours, np.float64) - theirs).max() / np.abs(theirs).max()
    return float(difference) if np.isfinite(difference) else float("inf")
