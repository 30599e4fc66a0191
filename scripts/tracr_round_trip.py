"""Proof that a model file computes what Tracr's model computes.

The file is read back and run by an independent forward pass in NumPy, in float64, with nothing
from Tracr or JAX; its streams and outputs are compared with those of Tracr's own `model.apply`.

What is compared on every input, within TOLERANCE times the largest entry of the stream (or 1):
the embeddings, the residual stream after every block, the attention logits, and the unembedded
columns before the argmax, at every position. Decoded values are compared exactly (numerical ones
within the tolerance), but
- not at position 0, where Tracr replaces whatever the model says by the BOS token;
- not where the two best columns are closer than twice the tolerance: where a program is undefined
  Tracr's columns are all zero up to rounding, and which of them wins is an accident. Such positions
  are counted, and their columns have been compared as numbers all the same.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any, Optional, Sequence

import jax
import numpy as np
from tracr.compiler.assemble import AssembledTransformerModel

import tracr_model_file
from tracr_model_file import ExportRefused, to_json

# Tracr runs in float32: attention logits near 100 and MLP slopes of mlp_exactness turn rounding of
# 6e-8 into differences up to about 1e-5. A wrong weight shows as 1e-2 or more.
TOLERANCE = 5e-5
MASKED = -1e30  # the attention logit of a position in the future
RANDOM_INPUTS = 36


@dataclasses.dataclass
class RoundTrip:
    """What the comparison saw."""

    difference: float = 0.0  # largest, relative to the stream's largest entry (or 1)
    inputs: int = 0
    decided: int = 0  # positions whose decoded values were compared
    ties: int = 0  # positions left out as near ties


def forward(tensors: dict, metadata: dict, ids: Sequence[int]) -> dict[str, Any]:
    """The model of the file on token ids [T] (BOS first), in float64.

    Returns `embeddings` [T, D], `residuals` (one [T, D] after each block), `attention` (one
    [H, T, T] per layer), and `columns` [T, O], the output before any argmax.
    """
    weights = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}
    stream = weights["token_embed"][list(ids)] + weights["pos_embed"][: len(ids)]  # [T, D]
    out = {"embeddings": stream, "residuals": [], "attention": []}
    for i in range(metadata["num_layers"]):
        attended, logits = _attention(weights, metadata, f"layers.{i}.attn", stream)
        stream = stream + attended
        out["attention"].append(logits)
        out["residuals"].append(stream)
        hidden = np.maximum(_linear(weights, f"layers.{i}.mlp.fc1", stream), 0)
        stream = stream + _linear(weights, f"layers.{i}.mlp.fc2", hidden)
        out["residuals"].append(stream)
    out["columns"] = stream @ weights["unembed"]
    return out


def _attention(weights: dict, metadata: dict, name: str, stream: np.ndarray) -> tuple:
    """Multi-head attention: [T, D] -> its output [T, D] and its logits [H, T, T]."""
    T, H, K = len(stream), metadata["num_heads"], metadata["key_size"]

    def heads(part: str) -> np.ndarray:  # [H, T, K]
        return _linear(weights, f"{name}.{part}", stream).reshape(T, H, K).transpose(1, 0, 2)

    logits = heads("query") @ heads("key").transpose(0, 2, 1) / np.sqrt(K)
    if metadata["causal"]:
        logits = np.where(np.tril(np.ones((T, T), dtype=bool)), logits, MASKED)
    share = np.exp(logits - logits.max(axis=-1, keepdims=True))
    share /= share.sum(axis=-1, keepdims=True)
    mixed = (share @ heads("value")).transpose(1, 0, 2).reshape(T, H * K)
    return _linear(weights, f"{name}.output", mixed), logits


def _linear(weights: dict, name: str, x: np.ndarray) -> np.ndarray:
    return x @ weights[f"{name}.weight"] + weights[f"{name}.bias"]


def check(
    path: Path, model: AssembledTransformerModel, test_input: Optional[Sequence] = None
) -> RoundTrip:
    """Compares the file with Tracr's model on the test input and on random inputs.

    Raises:
        ExportRefused: at the first difference, naming the input.
    """
    tensors, metadata = tracr_model_file.read(path)
    model = dataclasses.replace(model, forward=jax.jit(model.forward))  # many inputs, few lengths
    seen = RoundTrip()
    for tokens in inputs_to_compare(model, test_input):
        _check_input(tensors, metadata, model, tokens, seen)
    return seen


def inputs_to_compare(
    model: AssembledTransformerModel, test_input: Optional[Sequence]
) -> list[list]:
    """Inputs with BOS: the test input, then random ones of every length.

    Half of them repeat no token if the vocabulary allows, as some programs need; some are padded.
    Padding is not masked by the model and means nothing to the program, but the file has to
    compute the same as Tracr there as well.
    """
    bos, pad = model.input_encoder.bos_token, model.input_encoder.pad_token
    vocabulary = [token for token in model.input_encoder.encoding_map if token not in (bos, pad)]
    max_seq_len = len(model.params["pos_embed"]["embeddings"]) - 1
    random = np.random.default_rng(0)
    inputs = [] if test_input is None else [[bos, *test_input]]
    for n in range(max(RANDOM_INPUTS, max_seq_len)):
        length = 1 + n % max_seq_len
        repeats = n % 2 == 0 or length > len(vocabulary)
        chosen = random.choice(len(vocabulary), size=length, replace=repeats)
        padding = max_seq_len - length if n % 4 == 3 else 0
        inputs.append([bos, *[vocabulary[i] for i in chosen], *[pad] * padding])
    return inputs


def _check_input(
    tensors: dict, metadata: dict, model: AssembledTransformerModel, tokens: list, seen: RoundTrip
) -> None:
    """One input: all streams, then the decoded outputs; updates `seen`."""
    ids = [metadata["input_vocab"].index(to_json("the input", token)) for token in tokens]
    ours, theirs = forward(tensors, metadata, ids), model.apply(tokens)
    their_columns = tracr_model_file.unembed(model, theirs.transformer_output)[0]  # [T, O]

    pairs = [("the embeddings", ours["embeddings"], theirs.input_embeddings[0])]
    for i, (a, b) in enumerate(zip(ours["residuals"], theirs.residuals, strict=True)):
        block = f"layer {i // 2}'s {('attention', 'MLP')[i % 2]}"
        pairs.append((f"the residual stream after {block}", a, b[0]))
    for i, (a, b) in enumerate(zip(ours["attention"], theirs.attn_logits, strict=True)):
        pairs.append((f"layer {i}'s attention logits", _unmasked(a), _unmasked(np.asarray(b[0]))))
    pairs.append(("the unembedded output", ours["columns"], their_columns))
    for what, a, b in pairs:
        difference = _relative_difference(a, np.asarray(b, dtype=np.float64))
        if not difference <= TOLERANCE:  # also if it is not a number
            raise ExportRefused(
                f"refused: on the input {tokens} the file differs from Tracr's model in {what}: "
                f"by {difference:.2g} relative to its largest entry, {TOLERANCE:g} allowed"
            )
        seen.difference = max(seen.difference, difference)
    _check_decoded(metadata, ours["columns"], theirs, tokens, seen)
    seen.inputs += 1


def _check_decoded(
    metadata: dict, columns: np.ndarray, theirs: Any, tokens: list, seen: RoundTrip
) -> None:
    """The decoded outputs after BOS, where the columns [T, O] leave no doubt."""
    allowed = TOLERANCE * max(1.0, np.abs(columns).max())
    for t in range(1, len(tokens)):
        value = to_json("the output", theirs.decoded[t])
        if metadata["output_kind"] == "numerical":
            same = abs(columns[t, 0] - value) <= allowed
        else:
            runner_up, best = np.sort(np.append(columns[t], -np.inf))[-2:]
            if best - runner_up <= 2 * allowed:
                seen.ties += 1
                continue
            # As JSON text, since True == 1 == 1.0 in Python.
            decoded = metadata["output_encoding"][int(columns[t].argmax())]
            same = json.dumps(decoded) == json.dumps(value)
        if not same:
            raise ExportRefused(
                f"refused: on the input {tokens} the file's output at position {t} is not "
                f"{value!r}, which Tracr's model says"
            )
        seen.decided += 1


def _relative_difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Largest difference, relative to the largest entry or to 1; infinite if shapes differ."""
    if ours.shape != theirs.shape:
        return float("inf")
    return float(np.abs(ours - theirs).max() / max(1.0, np.abs(theirs).max()))


def _unmasked(logits: np.ndarray) -> np.ndarray:
    """Attention logits with 0 for masked positions, whose -1e30 would swamp the others."""
    return np.where(logits < MASKED / 2, 0, logits)
