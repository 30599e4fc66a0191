"""RASP programs and the transformers that they compile to."""

import html
import json
import os
import warnings
from pathlib import Path

from . import _native
from ._native import CompressError


def _words(vocab):
    """A vocabulary: tokens, or a text of them, `"a,b,c"` as on the command line or `"abc"`."""
    if vocab is None:
        return None
    if isinstance(vocab, str):
        if "," in vocab:
            return [_word(word.strip()) for word in vocab.split(",")]
        return list(vocab)
    return list(vocab)


def _word(word):
    """A word of the command line: 1 is a number, "1" and a are texts."""
    try:
        return json.loads(word)
    except ValueError:
        return word


def _source(source):
    """The text, or the path, of a program; one of the two is None."""
    if isinstance(source, os.PathLike):
        return None, os.fspath(source)
    if not isinstance(source, str):
        raise CompressError(f"a program is a text or a path, not {type(source).__name__}")
    try:
        source.encode()
    except UnicodeEncodeError:
        raise CompressError("the program is no Unicode text: it holds half of a surrogate pair") from None
    # No program is a single word, and every program assigns something.
    if "\n" in source or "=" in source or ";" in source:
        return source, None
    return None, source


def _tokens(tokens):
    if isinstance(tokens, (str, bytes)) or not hasattr(tokens, "__iter__"):
        raise CompressError(f"an input is a list of tokens, as in ['a', 'b'], not {tokens!r}")
    return [token.item() if hasattr(token, "item") else token for token in tokens]


class Program:
    """A RASP program, interpreted: what the compiled model is compared with.

    `source` is its text, the path of its file, or the name of a program of the library (`library()` lists them). What is
    not given is what its header says.
    """

    def __init__(self, source, *, vocab=None, max_seq_len=None, causal=None, output=None, name="program"):
        text, path = _source(source)
        self._native = _native.Program(text, path, name, _words(vocab), max_seq_len, causal, output)
        self.name = name if path is None else Path(path).stem

    @property
    def notes(self):
        """Where the published RASP reads it otherwise, in sentences."""
        return self._native.notes

    def run(self, tokens):
        """The output on an input: a list of one value per token, which is None if the program is undefined there."""
        return self._native.run(_tokens(tokens))

    __call__ = run

    def trace(self, tokens):
        """The values of the named s-ops that the output depends on: name -> list of one value per token."""
        return self._native.trace(_tokens(tokens))

    def selectors(self, tokens):
        """The selectors that the output depends on, as (name, bool array [T, T]); row: query, column: key."""
        return self._native.selectors(_tokens(tokens))

    def __repr__(self):
        return f"Program({self.name!r})"


class Model:
    """A compiled transformer, or a compressed one that was folded to width d: weights that are known, and what they mean.

    D is the width of the residual stream, V the vocabulary with BOS and PAD, T the positions (BOS and `max_seq_len`
    tokens), O the columns of the output, L the layers, H the heads. Made by `compile`, `load` or `Run.folded`.
    """

    def __init__(self, native, file=None, notes=()):
        self._native = native
        self._weights = None
        self.file = file
        self.notes = list(notes)
        self.metadata = json.loads(native.metadata())

    @property
    def name(self):
        """The program's name."""
        return self.metadata["program"]

    @property
    def labels(self):
        """What each of the D dimensions of the residual stream means, such as `tokens:x` or `indices:3`."""
        return self.metadata["residual_labels"]

    @property
    def vocab(self):
        """The V tokens; the index is the token's id."""
        return [_hashable(token) for token in self.metadata["input_vocab"]]

    @property
    def classes(self):
        """What each of the O output columns means; None if the output is a number."""
        classes = self.metadata["output_encoding"]
        return None if classes is None else [_hashable(value) for value in classes]

    @property
    def blocks(self):
        """The 2·L blocks in order: `layer0.attn`, `layer0.mlp`, ..."""
        layers = range(self.metadata["num_layers"])
        return [f"layer{layer}.{kind}" for layer in layers for kind in ("attn", "mlp")]

    @property
    def weights(self):
        """The weights by their names in a model file: float64, linear maps [in, out], read-only views of the model's own."""
        if self._weights is None:
            self._weights = self._native.weights()
        return self._weights

    def encode(self, tokens):
        """Token ids [1 + len(tokens)], BOS in front."""
        import numpy as np

        return np.array(self._native.encode(_tokens(tokens)), dtype=np.int64)

    def decode(self, scores):
        """What scores [N, O] mean: for each row the class with the largest one, or the number."""
        return self._native.decode(_matrix(scores, "scores"))

    def inputs(self):
        """Token ids [N, T] of the inputs, filled up with PAD: all that the model takes, or a fixed sample of more than 2^20."""
        return self._native.inputs()[0]

    def forward(self, ids):
        """Everything that a pass over token ids [B, T'] computes, T' up to T, in float64.

        `residual` [1 + 2L, B, T', D or d], the stream after the embedding and after each block; `write` [2L, B, T', D],
        what each block computes, in feature dimensions; `pattern` [L, B, H, T', T']; `last_read` [B, T', D], what the
        unembedding reads; `output` [B, T', O].
        """
        return self._native.forward(_ids(ids))

    def __call__(self, tokens):
        """The output on an input: a list of one value per token."""
        tokens = _tokens(tokens)
        output = self.forward(self._padded(tokens))["output"][0]
        return self._native.decode(output[1 : 1 + len(tokens)].copy())

    def trace(self, tokens):
        """What a pass over one input computes, by name: the stream `[1 + n, D or d]` after `embedding` and after each block
        (`layer0.attn`, ...), what that block writes (`layer0.attn.write` [1 + n, D]), its heads' patterns
        (`layer0.attn.pattern` [H, 1 + n, 1 + n]) and the `output` [1 + n, O]. Row 0 is BOS; a run's inputs are filled up
        to T rows with PAD, as in training.
        """
        arrays = self.forward(self._padded(_tokens(tokens)))
        trace = {"embedding": arrays["residual"][0, 0]}
        for i, block in enumerate(self.blocks):
            trace[block] = arrays["residual"][1 + i, 0]
            trace[f"{block}.write"] = arrays["write"][i, 0]
            if block.endswith("attn"):
                trace[f"{block}.pattern"] = arrays["pattern"][i // 2, 0]
        trace["output"] = arrays["output"][0]
        return trace

    def _padded(self, tokens):
        return self.encode(tokens)[None]

    def save(self, path):
        """Writes a model file (.safetensors), which `compress` and `load` read."""
        self._native.save(os.fspath(path))
        self.file = Path(path)

    def torch(self, dtype=None):
        """A torch.nn.Module that computes the same: see `tracr_compress.torch`."""
        from .torch import of_model

        return of_model(self, dtype=dtype)

    def transformer_lens(self, dtype=None):
        """The same model in TransformerLens: see `tracr_compress.transformer_lens`."""
        from .transformer_lens import of_model

        return of_model(self, dtype=dtype)

    def __repr__(self):
        meta = self.metadata
        kind = "causal, " if meta["causal"] else ""
        return (
            f"Model({self.name!r}: {kind}D = {len(self.labels)}, {meta['num_layers']} layers, {meta['num_heads']} heads, "
            f"{len(meta['input_vocab'])} tokens, {meta['max_seq_len'] + 1} positions)"
        )

    def _repr_html_(self):
        meta = self.metadata
        rows = {
            "residual stream": f"D = {len(self.labels)}: {', '.join(self.labels)}",
            "blocks": f"{meta['num_layers']} layers of {meta['num_heads']} heads of width {meta['key_size']}, and an MLP of "
            f"{meta['mlp_hidden_size']}" + (", causal" if meta["causal"] else ""),
            "tokens": ", ".join(map(repr, self.vocab)),
            "inputs": f"1 to {meta['max_seq_len']} tokens after BOS",
            "output": "a number" if self.classes is None else "one of " + ", ".join(map(repr, self.classes)),
        }
        return _html(self.name, rows)


def compile(source, vocab=None, max_seq_len=None, *, causal=None, mlp_exactness=None, output=None, name="program", check=True):
    """Compiles a RASP program into a transformer, as Tracr does.

    `source` is its text, the path of its file, or the name of a program of the library. `vocab` are its tokens, as a list
    or as a text ("abc", "a,b,c", "1,2,3"); what is not given is what its header says. With `check`, the program's
    interpreter runs against the model, and a difference is a warning.
    """
    text, path = _source(source)
    native, notes, problems = _native.compile(
        text, path, name, _words(vocab), max_seq_len, causal, mlp_exactness, output, check
    )
    for problem in problems:
        warnings.warn(problem, stacklevel=2)
    return Model(native, notes=notes)


def load(path):
    """Reads a model file (.safetensors), of `compress`, of `Model.save`, or exported from Tracr."""
    return Model(_native.Transformer.load(os.fspath(path)), file=Path(path))


def _hashable(value):
    return tuple(map(_hashable, value)) if isinstance(value, list) else value


def _ids(ids):
    import numpy as np

    array = np.asarray(ids)
    if array.dtype.kind not in "iu":
        raise CompressError(f"token ids are whole numbers, but these have dtype {array.dtype}")
    if array.ndim == 1:
        array = array[None]
    if array.ndim != 2:
        raise CompressError(f"token ids have shape [B, T], but these have {list(array.shape)}")
    return np.ascontiguousarray(array, dtype=np.int64)


def _matrix(values, what):
    import numpy as np

    try:
        array = np.asarray(values)
        if array.dtype.kind not in "iuf":
            raise CompressError(f"{what} holds real numbers, but this has dtype {array.dtype}")
        array = array.astype(np.float64)
    except (ValueError, TypeError) as problem:
        raise CompressError(f"{what} is a matrix of numbers: {problem}") from None
    if array.ndim != 2:
        raise CompressError(f"{what} is a matrix, but this has shape {list(array.shape)}")
    return np.ascontiguousarray(array)


def _html(title, rows):
    body = "".join(
        f"<tr><th style='text-align:left'>{html.escape(key)}</th><td style='text-align:left'>{html.escape(str(value))}</td></tr>"
        for key, value in rows.items()
    )
    return f"<table><caption>{html.escape(title)}</caption>{body}</table>"
