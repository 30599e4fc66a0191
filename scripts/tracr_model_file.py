"""The model file: what goes into it, and how it is written and read.

One .safetensors file, float32, weights [in, out]; the metadata key `tracr` holds JSON.
D is the width of the residual stream, V the vocabulary with BOS and PAD, O the columns of the
unembedding, T = max_seq_len + 1 the positions with BOS, H the heads, K the key size.
"""

import json
import math
from pathlib import Path
from typing import Any, Optional, Sequence

import haiku as hk
import jax.numpy as jnp
import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file
from tracr.compiler.assemble import AssembledTransformerModel
from tracr.rasp import rasp
from tracr.transformer import encoder

import tracr_labels

FORMAT_VERSION = 1
# The place of a parameter in the haiku tree -> its place in the file, within one layer.
LAYER_PARAMETERS = {
    "attn/query": "attn.query",
    "attn/key": "attn.key",
    "attn/value": "attn.value",
    "attn/linear": "attn.output",
    "mlp/linear_1": "mlp.fc1",
    "mlp/linear_2": "mlp.fc2",
}


class ExportRefused(SystemExit):
    """The model cannot be exported faithfully; says why. Uncaught, it ends the process with 1."""


def check_supported(model: AssembledTransformerModel) -> None:
    """Refuses what the format cannot express: layer norm, other activations, masked padding."""
    config = model.model_config
    if config.layer_norm:
        raise ExportRefused("refused: the model uses layer norm; the format has none")
    probe = np.linspace(-8, 8, 1601, dtype=np.float32)
    if not np.array_equal(np.asarray(config.activation_function(probe)), np.maximum(probe, 0)):
        raise ExportRefused("refused: the model's activation function is not ReLU")
    if not isinstance(model.input_encoder, encoder.CategoricalEncoder):
        raise ExportRefused("refused: the model has no categorical input encoder")
    if model.input_encoder.bos_token is None or model.input_encoder.pad_token is None:
        raise ExportRefused("refused: the format needs a BOS and a PAD token in the vocabulary")
    if _within_haiku(model, lambda compiled: compiled.pad_token) is not None:
        raise ExportRefused("refused: the model masks its PAD token; the format has no such mask")


def collect_tensors(model: AssembledTransformerModel) -> dict[str, np.ndarray]:
    """All tensors under their names in the file, in float32."""
    config, params = model.model_config, dict(model.params)
    D, heads_width = len(model.residual_labels), config.num_heads * config.key_size
    width_out = dict.fromkeys(("attn.query", "attn.key", "attn.value"), heads_width)
    width_out.update({"attn.output": D, "mlp.fc1": config.mlp_hidden_size, "mlp.fc2": D})
    width_in = {"attn.output": heads_width, "mlp.fc2": config.mlp_hidden_size}

    tensors = {}
    for place, name in (("token_embed", "token_embed"), ("pos_embed", "pos_embed")):
        tensors[name] = _take(params, place, ("embeddings",))["embeddings"]
        _expect_shape(name, tensors[name], (len(tensors[name]), D))
    for i in range(config.num_layers):
        for place, name in LAYER_PARAMETERS.items():
            pair = _take(params, f"transformer/layer_{i}/{place}", ("w", "b"))
            tensors[f"layers.{i}.{name}.weight"] = pair["w"]  # [in, out]
            tensors[f"layers.{i}.{name}.bias"] = pair["b"]  # [out]
            shape = (width_in.get(name, D), width_out[name])
            _expect_shape(f"layers.{i}.{name}.weight", pair["w"], shape)
            _expect_shape(f"layers.{i}.{name}.bias", pair["b"], shape[1:])
    if params:
        raise ExportRefused(f"refused: the format has no place for parameters {sorted(params)}")
    tensors["unembed"] = unembedding_matrix(model)  # [D, O]

    tensors = {name: np.ascontiguousarray(t, dtype=np.float32) for name, t in tensors.items()}
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise ExportRefused(f"refused: {name} has entries that are not finite in float32")
    return tensors


def unembed(model: AssembledTransformerModel, stream: np.ndarray) -> np.ndarray:
    """Tracr's own unembedding without its argmax: [..., D] -> [..., O].

    The unembedding is not among the parameters: it is a closure inside the haiku transform. It is
    run, not rebuilt, so neither labels nor the order of dimensions have to be interpreted.
    """
    stream = jnp.asarray(stream)
    out = _within_haiku(model, lambda compiled: compiled.unembed(stream, use_unembed_argmax=False))
    return np.asarray(out).reshape(*stream.shape[:-1], -1)  # a single column comes squeezed


def unembedding_matrix(model: AssembledTransformerModel) -> np.ndarray:
    """[D, O]: the linear unembedding, applied to the D unit vectors."""
    return unembed(model, np.eye(len(model.residual_labels), dtype=np.float32)[None])[0]


def is_categorical(model: AssembledTransformerModel) -> bool:
    """Whether the output is a class, the argmax of the unembedded columns, or a number."""
    return _within_haiku(model, lambda compiled: compiled.use_unembed_argmax)


def collect_metadata(
    model: AssembledTransformerModel,
    tensors: dict[str, np.ndarray],
    *,
    name: str,
    program: Optional[rasp.SOp] = None,
    unique_tokens: bool = False,
    mlp_exactness: Optional[float] = None,
) -> dict[str, Any]:
    """The JSON object of the metadata: what a reader needs to use the tensors."""
    config, encoding = model.model_config, model.input_encoder
    vocabulary = _values_by_id("input vocabulary", encoding, len(tensors["token_embed"]))
    max_seq_len = len(tensors["pos_embed"]) - 1
    if encoding._max_seq_len not in (None, max_seq_len + 1):
        raise ExportRefused(
            f"refused: {max_seq_len + 1} position embeddings, but the input encoder accepts "
            f"{encoding._max_seq_len} tokens"
        )
    metadata = {
        "format_version": FORMAT_VERSION,
        "program": name,
        "residual_labels": residual_labels(model, program),
        "input_vocab": vocabulary,
        "bos_token": to_json("the BOS token", encoding.bos_token),
        "pad_token": to_json("the PAD token", encoding.pad_token),
        "bos_id": encoding.bos_encoding,
        "pad_id": encoding.pad_encoding,
        **_output_encoding(model, tensors["unembed"].shape[1]),
        "num_heads": config.num_heads,
        "num_layers": config.num_layers,
        "key_size": config.key_size,
        "mlp_hidden_size": config.mlp_hidden_size,
        "causal": bool(config.causal),
        "max_seq_len": max_seq_len,
        "layer_norm": False,
        "activation": "relu",
        "unique_tokens": bool(unique_tokens),
    }
    if mlp_exactness is not None:
        metadata["mlp_exactness"] = to_json("mlp_exactness", mlp_exactness)
    return metadata


def residual_labels(model: AssembledTransformerModel, program: Optional[rasp.SOp]) -> list[str]:
    """The D readable labels; refuses a program that the model was not compiled from."""
    basis = tracr_labels.residual_basis(model)
    if basis is None:
        raise ExportRefused("refused: cannot find the basis behind the model's residual labels")
    names = None if program is None else tracr_labels.names_by_label(program)
    try:
        return tracr_labels.readable_labels(basis, names)
    except KeyError as unknown:
        raise ExportRefused(
            f"refused: the model has a feature {unknown}, which is not in the program given; "
            "was the model compiled from another program, or from a copy of it?"
        ) from None


def to_json(what: str, value: Any) -> Any:
    """A RASP value as a JSON value; refuses whatever would not come back the same."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (tuple, list)):
        return [to_json(what, item) for item in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, str) and not any("\ud800" <= c <= "\udfff" for c in value):
        return str(value)  # a lone surrogate is no text
    raise ExportRefused(
        f"refused: {what} contains {value!r} ({type(value).__name__}), which the file cannot hold; "
        "it can hold None, booleans, 64-bit integers, finite floats, text, and tuples of these"
    )


def write(path: Path, tensors: dict[str, np.ndarray], metadata: dict[str, Any]) -> None:
    """Writes a model file: the same bytes for the same content."""
    text = json.dumps(metadata, sort_keys=True, ensure_ascii=False, allow_nan=False)
    save_file(tensors, path, metadata={"tracr": text})


def read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Tensors and metadata of a model file."""
    with safe_open(path, framework="numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        return tensors, json.loads(file.metadata()["tracr"])


def _output_encoding(model: AssembledTransformerModel, columns: int) -> dict[str, Any]:
    """`output_kind` and `output_encoding`, the values of the unembedding's columns."""
    categorical = is_categorical(model)
    if categorical != isinstance(model.output_encoder, encoder.CategoricalEncoder):
        raise ExportRefused("refused: the output encoder does not fit the unembedding")
    if categorical:
        values = _values_by_id("output encoding", model.output_encoder, columns)
        return {"output_kind": "categorical", "output_encoding": values}
    if columns != 1:
        raise ExportRefused(f"refused: a numerical output needs one column, this one has {columns}")
    return {"output_kind": "numerical", "output_encoding": None}


def _values_by_id(what: str, encoding: encoder.CategoricalEncoder, size: int) -> Sequence[Any]:
    """The encoder's values as JSON values, the index being the id."""
    if sorted(encoding.encoding_map.values()) != list(range(size)):
        raise ExportRefused(f"refused: the {what} does not number its values 0..{size - 1}")
    return [to_json(f"the {what}", value) for value in encoding.decode(list(range(size)))]


def _within_haiku(model: AssembledTransformerModel, function: Any) -> Any:
    """function(compiled model), inside the haiku transform that the model's modules need."""
    transformed = hk.without_apply_rng(hk.transform(lambda: function(model.get_compiled_model())))
    return transformed.apply({})


def _take(params: dict, place: str, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Removes the parameters at one place and returns them; they must be exactly `names`."""
    found = params.pop(place, {})
    if set(found) != set(names):
        raise ExportRefused(f"refused: {place} has parameters {sorted(found)}, not {list(names)}")
    return {name: np.asarray(value) for name, value in found.items()}


def _expect_shape(name: str, tensor: np.ndarray, shape: tuple[int, ...]) -> None:
    if tensor.shape != shape:
        raise ExportRefused(f"refused: {name} has shape {tensor.shape}, not {shape}")
