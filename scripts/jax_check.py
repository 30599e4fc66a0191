"""The JAX trainer against the reference trajectories (tests/fixtures/README.md).

A trajectory is 50 steps on given batches: losses, gradients and W, all in float64. Needs
`jax_enable_x64`.
"""

import needs

needs.check((3, 11), ("jax", "haiku", "optax", "safetensors", "tracr"), "pip install -r scripts/requirements.txt")

import dataclasses
import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from safetensors import safe_open

import jax_trainer
from jax_folded import Folded

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
    good = True
    for formulation, objective in (("plain", lambda problem: problem), ("folded", Folded)):
        exact = follow(objective(jax_trainer.Problem(case, jnp.float64)), theirs)
        rounded = first_step(objective(jax_trainer.Problem(case, jnp.float32)), theirs)
        print(
            f"{path.stem:28} {formulation:6} 50 steps in float64 {exact:.1e}, "
            f"a step in float32 {rounded:.1e}"
        )
        good &= exact <= EXACT and rounded <= ROUNDED[name]
    return good


def follow(objective: Any, theirs: dict[str, np.ndarray]) -> float:
    """Trains through all batches; the largest difference of losses, gradients and W."""
    adamw = jax_trainer.optimizer(len(theirs["batches"]))
    value_and_grad = jax.jit(jax.value_and_grad(objective.loss, has_aux=True))
    w = jnp.asarray(theirs["W0"], objective.dtype)
    state = w, adamw.init(w)
    differences = []
    for k, tokens in enumerate(theirs["batches"]):
        inputs = objective.inputs(jnp.asarray(tokens))
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


def first_step(objective: Any, theirs: dict[str, np.ndarray]) -> float:
    """The difference of the first losses and gradient."""
    w = jnp.asarray(theirs["W0"], objective.dtype)
    inputs = objective.inputs(jnp.asarray(theirs["batches"][0]))
    (_, (output, layers)), gradient = jax.value_and_grad(objective.loss, has_aux=True)(w, inputs)
    assert gradient.dtype == objective.dtype
    return max(
        relative(output, theirs["L_out_before"][0]),
        relative(layers, theirs["L_layer_before"][0]),
        relative(gradient, theirs["grad_step1"]),
    )


def relative(ours: jax.Array, theirs: np.ndarray) -> float:
    """Largest difference relative to the reference's largest entry; infinite if not a number."""
    difference = np.abs(np.asarray(ours, np.float64) - theirs).max() / np.abs(theirs).max()
    return float(difference) if np.isfinite(difference) else float("inf")
