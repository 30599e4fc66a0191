"""Models in TransformerLens: its TransformerBridge from version 4 on, its HookedTransformer before.

    tl = run.transformer_lens()
    logits, cache = tl.run_with_cache(torch.as_tensor(run.inputs()))
    cache["blocks.0.attn.hook_pattern"]          # [N, H, T, T]

Token ids have BOS in front, as `Model.encode` and `Model.inputs` give them; the model has no tokenizer. Every weight is
the model file's: normalization is off, ReLU, logits of attention divided by sqrt(k). Pass ids with
`prepend_bos=False` where a function asks.
"""

import torch

from ._native import CompressError


def of_model(model, dtype=None):
    """A Model (a run's is its folded one) in TransformerLens; `dtype` is torch's default one, or the one that is given."""
    try:
        import transformer_lens
    except ImportError as problem:
        raise CompressError(f"TransformerLens cannot be imported ({problem}): pip install transformer-lens") from None
    dtype = dtype or torch.get_default_dtype()
    meta, weights = model.metadata, model.weights
    sizes = {
        "n_layers": meta["num_layers"],
        "d_model": len(meta["residual_labels"]),
        "n_ctx": meta["max_seq_len"] + 1,
        "d_head": meta["key_size"],
        "n_heads": meta["num_heads"],
        "d_mlp": meta["mlp_hidden_size"],
        "d_vocab": len(meta["input_vocab"]),
        "d_vocab_out": weights["unembed"].shape[1],
        "act_fn": "relu",
        "attention_dir": "causal" if meta["causal"] else "bidirectional",
        "normalization_type": None,
        "use_attn_scale": True,
        "dtype": dtype,
    }
    tensors = {name: torch.tensor(array, dtype=dtype) for name, array in weights.items()}
    try:
        from transformer_lens.model_bridge.sources import boot_native
    except ImportError:
        return _hooked(transformer_lens, sizes, tensors)
    return _bridge(boot_native, sizes, tensors, dtype)


def _bridge(boot_native, sizes, tensors, dtype):
    from transformer_lens.config import TransformerBridgeConfig

    bridge = boot_native(TransformerBridgeConfig(**sizes, init_weights=False), dtype=dtype)
    state = {
        "tok_embed.weight": tensors["token_embed"],
        "pos.weight": tensors["pos_embed"],
        "head.weight": tensors["unembed"].T,
    }
    names = {"attn.query": "attn.q", "attn.key": "attn.k", "attn.value": "attn.v", "attn.output": "attn.o"}
    names |= {"mlp.fc1": "mlp.fc_in", "mlp.fc2": "mlp.fc_out"}
    for layer in range(sizes["n_layers"]):
        for ours, theirs in names.items():
            prefix = f"layers.{layer}"
            state[f"{prefix}.{theirs}.weight"] = tensors[f"{prefix}.{ours}.weight"].T
            state[f"{prefix}.{theirs}.bias"] = tensors[f"{prefix}.{ours}.bias"]
    # It has aliases for some of its own parameters, so that strict loading asks for what is there already.
    loaded = bridge.load_state_dict({name: tensor.contiguous() for name, tensor in state.items()}, strict=False)
    if loaded.unexpected_keys:
        raise CompressError(f"this TransformerLens has no parameters {', '.join(loaded.unexpected_keys)}")
    return bridge.eval()


def _hooked(transformer_lens, sizes, tensors):
    config = transformer_lens.HookedTransformerConfig(**sizes, default_prepend_bos=False, device="cpu", seed=0)
    hooked = transformer_lens.HookedTransformer(config)
    state = {
        "embed.W_E": tensors["token_embed"],
        "pos_embed.W_pos": tensors["pos_embed"],
        "unembed.W_U": tensors["unembed"],
        "unembed.b_U": tensors["unembed"].new_zeros(sizes["d_vocab_out"]),
    }
    heads, width, k = sizes["n_heads"], sizes["d_model"], sizes["d_head"]
    for layer in range(sizes["n_layers"]):
        ours, theirs = f"layers.{layer}", f"blocks.{layer}"
        for name, letter in (("query", "Q"), ("key", "K"), ("value", "V")):
            weight = tensors[f"{ours}.attn.{name}.weight"]  # [D, H·k]
            state[f"{theirs}.attn.W_{letter}"] = weight.reshape(width, heads, k).permute(1, 0, 2)
            state[f"{theirs}.attn.b_{letter}"] = tensors[f"{ours}.attn.{name}.bias"].reshape(heads, k)
        state[f"{theirs}.attn.W_O"] = tensors[f"{ours}.attn.output.weight"].reshape(heads, k, width)
        state[f"{theirs}.attn.b_O"] = tensors[f"{ours}.attn.output.bias"]
        for number, side in (("1", "in"), ("2", "out")):
            state[f"{theirs}.mlp.W_{side}"] = tensors[f"{ours}.mlp.fc{number}.weight"]
            state[f"{theirs}.mlp.b_{side}"] = tensors[f"{ours}.mlp.fc{number}.bias"]
    missing = set(dict(hooked.named_parameters())) - set(state)
    if missing:
        raise CompressError(f"this TransformerLens has parameters that are not known here: {', '.join(sorted(missing))}")
    hooked.load_state_dict(state, strict=False)  # its buffers, the masks, are its own
    return hooked.eval()
