"""Models and runs as PyTorch modules.

    net = run.torch()                                   # width d; run.torch(folded=False) keeps W [d, D] apart
    ids = torch.as_tensor(run.inputs())                 # [N, T]
    output = net(ids)                                   # [N, T, O]
    net.layers[0].attn.pattern.register_forward_hook(lambda module, inputs, pattern: ...)

Every value that is worth a hook passes through a module of its own that changes nothing. A hook that returns a tensor
puts it in that value's place; libraries that work on named modules (nnsight, for one) find them by these names:

    embedding                         the stream after the embedding                    [B, T, D or d]
    layers.{i}.attn.read, .mlp.read   what the block reads                              [B, T, D or d]
    layers.{i}.attn.query, .key, .value                                                 [B, H, T, k]
    layers.{i}.attn.pattern           the attention weights; row: query, column: key    [B, H, T, T]
    layers.{i}.mlp.hidden             after the ReLU                                    [B, T, hidden]
    layers.{i}.attn.write, .mlp.write what the block adds, before W                     [B, T, D or d]
    layers.{i}.attn.stream, .mlp.stream   the stream after the block                    [B, T, D or d]
    last_read                         what the unembedding reads                        [B, T, D or d]

Where W is kept apart, reads and writes have the D features' dimensions and the stream has d. `Transformer.W` is then a
parameter, and can be trained.
"""

import math

import torch
from torch import nn

MASKED = -1e30  # as in Tracr: it leaves a key out whatever the other logits are


class Linear(nn.Module):
    """x -> x·weight + bias, with a weight [in, out]."""

    def __init__(self, weight, bias):
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(bias)

    def forward(self, x):
        return x @ self.weight + self.bias


class Attention(nn.Module):
    """H heads of width k, all attending to every position, PAD included; no position to later ones if causal."""

    def __init__(self, linears, heads, causal):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.query_map, self.key_map, self.value_map, self.output_map = linears
        self.read, self.write, self.stream = nn.Identity(), nn.Identity(), nn.Identity()
        self.query, self.key, self.value, self.pattern = (nn.Identity() for _ in range(4))

    def forward(self, x):
        x = self.read(x)
        query = self.query(self._split(self.query_map(x)))
        key = self.key(self._split(self.key_map(x)))
        value = self.value(self._split(self.value_map(x)))
        logits = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
        if self.causal:
            later = torch.ones(logits.shape[-2:], dtype=torch.bool, device=x.device).triu(1)
            logits = logits.masked_fill(later, MASKED)
        mixed = self.pattern(logits.softmax(-1)) @ value
        return self.write(self.output_map(mixed.transpose(1, 2).flatten(2)))

    def _split(self, x):
        """[B, T, H·k] -> [B, H, T, k]"""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class MLP(nn.Module):
    """One hidden layer with ReLU."""

    def __init__(self, linears):
        super().__init__()
        self.fc1, self.fc2 = linears
        self.read, self.hidden, self.write, self.stream = (nn.Identity() for _ in range(4))

    def forward(self, x):
        return self.write(self.fc2(self.hidden(self.fc1(self.read(x)).relu())))


class Layer(nn.Module):
    """Attention, then MLP."""

    def __init__(self, attn, mlp):
        super().__init__()
        self.attn, self.mlp = attn, mlp


class Transformer(nn.Module):
    """Token ids [B, T] -> outputs [B, T, O]: see the module's text for what can be hooked.

    `source` is the Model or Run that it was made of, with its labels, `encode` and `decode`.
    """

    def __init__(self, source, weights, W=None, wiring=None):
        super().__init__()
        meta = source.metadata
        self.source = source
        self.token_embed = nn.Parameter(weights["token_embed"])
        self.pos_embed = nn.Parameter(weights["pos_embed"])
        self.unembed = nn.Parameter(weights["unembed"])
        self.W = None if W is None else nn.Parameter(W)  # [k, d, D]: k matrices, of which one is the rule
        self.readers, self.writers = wiring or ([], [])

        def linears(layer, *names):
            prefix = f"layers.{layer}"
            return [Linear(weights[f"{prefix}.{name}.weight"], weights[f"{prefix}.{name}.bias"]) for name in names]

        attention = [f"attn.{name}" for name in ("query", "key", "value", "output")]
        self.embedding, self.last_read = nn.Identity(), nn.Identity()
        self.layers = nn.ModuleList(
            Layer(
                Attention(linears(i, *attention), meta["num_heads"], meta["causal"]),
                MLP(linears(i, "mlp.fc1", "mlp.fc2")),
            )
            for i in range(meta["num_layers"])
        )

    def forward(self, ids):
        features = self.token_embed[ids] + self.pos_embed[: ids.shape[-1]]
        stream = self.embedding(self._write(features, 0))
        blocks = [block for layer in self.layers for block in (layer.attn, layer.mlp)]
        for number, block in enumerate(blocks):
            written = block(self._read(stream, number))
            stream = block.stream(stream + self._write(written, 1 + number))
        return self.last_read(self._read(stream, len(blocks))) @ self.unembed

    def _read(self, stream, reader):
        """[B, T, d] -> [B, T, D] through W, where there is one."""
        return stream if self.W is None else stream @ self.W[self.readers[reader]]

    def _write(self, features, site):
        """[B, T, D] -> [B, T, d] through Wᵀ, where there is one."""
        return features if self.W is None else features @ self.W[self.writers[site]].T


def of_model(model, dtype=None):
    """A Model as a module; `dtype` is torch's default one, or the one that is given."""
    return Transformer(model, _tensors(model.weights, dtype))


def of_run(run, dtype=None, folded=True):
    """A Run as a module: of width d, or of width D with W apart."""
    if folded:
        net = of_model(run.folded(), dtype)
        net.source = run
        return net
    W = _tensors({"W": _stack(run.matrices.values())}, dtype)["W"]
    return Transformer(run, _tensors(run.weights, dtype), W, run._native.wiring())


def _stack(matrices):
    import numpy as np

    return np.stack(list(matrices))


def _tensors(arrays, dtype):
    dtype = dtype or torch.get_default_dtype()
    return {name: torch.tensor(array, dtype=dtype) for name, array in arrays.items()}
