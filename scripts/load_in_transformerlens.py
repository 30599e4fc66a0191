"""Loads a model file of `compress` into TransformerLens, with its unembedding and encoders.

    from load_in_transformerlens import load
    tl = load("models/frac_prevs.safetensors")
    tl.run(["x", "a", "c", "x"])          # the decoded outputs, one a token
    logits, cache = tl.model.run_with_cache(tl.encode(["x", "a", "c", "x"]))

As a command it prints what the model computes, as `compress run` does:

    python scripts/load_in_transformerlens.py models/frac_prevs.safetensors x a c x

Any file of the format works (docs/running.md): compiled models, and the compressed ones that `compress
export` writes. Needs torch, transformer_lens and safetensors (scripts/requirements_transformerlens.txt).
"""

import argparse
import json
import sys
from dataclasses import dataclass

try:
    import torch
    from safetensors import safe_open
    from transformer_lens import HookedTransformer, HookedTransformerConfig
except ImportError as e:
    if __name__ != "__main__":
        raise
    sys.exit(
        f"error: load_in_transformerlens.py needs {e.name}, which this Python does not have: "
        "pip install -r scripts/requirements_transformerlens.txt"
    )


@dataclass
class LoadedModel:
    """A HookedTransformer with what its tokens and outputs mean."""

    model: HookedTransformer
    metadata: dict  # the model file's: `residual_labels` names the dimensions of resid_pre etc.

    def encode(self, words):
        """Tokens without BOS -> ids [1, 1 + len(words)], BOS in front."""
        ids = [self.metadata["bos_id"]]
        for word in words:
            matches = [i for i, token in enumerate(self.metadata["input_vocab"]) if _same(token, word)]
            if not matches or matches[0] in (self.metadata["bos_id"], self.metadata["pad_id"]):
                raise ValueError(f"{word!r} is not a token of {self.metadata['program']}")
            ids.append(matches[0])
        if not 1 < len(ids) <= self.metadata["max_seq_len"] + 1:
            raise ValueError(f"an input has 1 to {self.metadata['max_seq_len']} tokens")
        return torch.tensor([ids])

    def decode(self, logits):
        """Logits [..., O] of one position -> the class with the largest one, or the number."""
        classes = self.metadata["output_encoding"]
        return logits[0].item() if classes is None else classes[int(logits.argmax())]

    def run(self, words):
        """The decoded output at every token (without BOS)."""
        with torch.no_grad():
            logits = self.model(self.encode(words))[0]
        return [self.decode(row) for row in logits[1:]]


def _same(token, word):
    """The token as such, or as printed; True is not 1."""
    return (token == word and type(token) is type(word)) or str(token) == word


def load(path, dtype=torch.float64):
    """Reads a model file; its weights are float32 or float64, `dtype` is what is computed with."""
    with safe_open(path, "pt") as file:
        metadata = json.loads(file.metadata()["tracr"])
        tensors = {name: file.get_tensor(name).to(dtype) for name in file.keys()}
    if metadata["format_version"] != 1:
        raise ValueError(f"{path}: format_version {metadata['format_version']}, expected 1")
    heads, head_width = metadata["num_heads"], metadata["key_size"]
    width = len(metadata["residual_labels"])
    config = HookedTransformerConfig(
        n_layers=metadata["num_layers"],
        d_model=width,
        n_ctx=metadata["max_seq_len"] + 1,
        d_head=head_width,
        n_heads=heads,
        d_mlp=metadata["mlp_hidden_size"],
        d_vocab=len(metadata["input_vocab"]),
        d_vocab_out=tensors["unembed"].shape[1],
        act_fn="relu",
        attention_dir="causal" if metadata["causal"] else "bidirectional",
        normalization_type=None,
        use_attn_scale=True,  # by sqrt(d_head), as Tracr
        default_prepend_bos=False,  # `encode` puts BOS there
        dtype=dtype,
        device="cpu",
        seed=0,
    )
    model = HookedTransformer(config)
    state = {
        "embed.W_E": tensors["token_embed"],
        "pos_embed.W_pos": tensors["pos_embed"],
        "unembed.W_U": tensors["unembed"],
        "unembed.b_U": torch.zeros(tensors["unembed"].shape[1], dtype=dtype),
    }
    for layer in range(config.n_layers):
        for name, letter in (("query", "Q"), ("key", "K"), ("value", "V")):
            weight = tensors[f"layers.{layer}.attn.{name}.weight"]  # [D, H*k], heads side by side
            bias = tensors[f"layers.{layer}.attn.{name}.bias"]
            by_head = weight.reshape(width, heads, head_width).permute(1, 0, 2)
            state[f"blocks.{layer}.attn.W_{letter}"] = by_head
            state[f"blocks.{layer}.attn.b_{letter}"] = bias.reshape(heads, head_width)
        output = tensors[f"layers.{layer}.attn.output.weight"]  # [H*k, D]
        state[f"blocks.{layer}.attn.W_O"] = output.reshape(heads, head_width, width)
        state[f"blocks.{layer}.attn.b_O"] = tensors[f"layers.{layer}.attn.output.bias"]
        for number, side in (("1", "in"), ("2", "out")):
            weight = tensors[f"layers.{layer}.mlp.fc{number}.weight"]
            state[f"blocks.{layer}.mlp.W_{side}"] = weight
            state[f"blocks.{layer}.mlp.b_{side}"] = tensors[f"layers.{layer}.mlp.fc{number}.bias"]
    missing = set(dict(model.named_parameters())) - set(state)
    if missing:
        raise RuntimeError(f"TransformerLens has parameters this script does not know: {missing}")
    model.load_state_dict(state, strict=False)  # its buffers (masks) are its own
    model.eval()
    return LoadedModel(model, metadata)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a model file of compress")
    parser.add_argument("tokens", nargs="+", help="the input's tokens (BOS is put in front)")
    arguments = parser.parse_args()
    loaded = load(arguments.model)
    for word, output in zip(arguments.tokens, loaded.run(arguments.tokens)):
        print(f"{word}\t{output}")


if __name__ == "__main__":
    main()
