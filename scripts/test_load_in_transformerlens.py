"""Compares model files in TransformerLens with `compress run`, stage by stage and output by output.

    python scripts/test_load_in_transformerlens.py COMPRESS MODEL...

For a dozen inputs of each model: the residual stream after the embedding and every block, the scores (what
`compress run` has in its stream, times the file's unembedding), and the decoded outputs. Prints the largest
differences; fails above 1e-5, or where a decided class differs.
"""

import itertools
import json
import subprocess
import sys

import torch
from safetensors import safe_open

from load_in_transformerlens import load

TOLERANCE = 1e-5
INPUTS = 12


def inputs_of(metadata):
    """Some inputs of every length, spread over all there are."""
    special = (metadata["bos_id"], metadata["pad_id"])
    words = [w for i, w in enumerate(metadata["input_vocab"]) if i not in special]
    unique = metadata.get("unique_tokens", False)
    found = []
    for length in range(1, metadata["max_seq_len"] + 1):
        make = itertools.permutations(words, length) if unique else itertools.product(words, repeat=length)
        candidates = list(itertools.islice(make, 2000))
        found.append(candidates[(7 * length) % max(1, len(candidates))] if candidates else None)
        found.append(candidates[-1] if candidates else None)
    found = [words for words in found if words]
    return found[:: max(1, len(found) // INPUTS)][:INPUTS]


def stages(cache, layers):
    yield "embedding", cache["resid_pre", 0]
    for layer in range(layers):
        yield f"layer{layer}.attn", cache["resid_mid", layer]
        yield f"layer{layer}.mlp", cache["resid_post", layer]


def check(compress, path):
    loaded = load(path)
    labels = loaded.metadata["residual_labels"]
    with safe_open(path, "pt") as file:
        unembed = file.get_tensor("unembed").to(torch.float64)
    of_streams = of_scores = of_outputs = 0.0
    compared = 0
    for words in inputs_of(loaded.metadata):
        # json.dumps keeps the string "1" apart from the integer 1.
        arguments = [json.dumps(word) for word in words]
        command = [compress, "run", path, *arguments, "--trace", "--json"]
        ours = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        with torch.no_grad():
            logits, cache = loaded.model.run_with_cache(loaded.encode(words))
        theirs = list(stages(cache, loaded.metadata["num_layers"]))
        for stage, (name, stream) in zip(ours["trace"]["stages"], theirs, strict=True):
            assert stage["after"] == name, (stage["after"], name)
            wanted = torch.tensor([stage["features"][label] for label in labels], dtype=stream.dtype)
            of_streams = max(of_streams, (stream[0].T - wanted).abs().max().item())
        of_scores = max(of_scores, (logits[0] - wanted.T @ unembed).abs().max().item())
        for position, wanted in enumerate(ours["output"], start=1):
            found = loaded.decode(logits[0, position])
            if loaded.metadata["output_kind"] == "numerical":
                of_outputs = max(of_outputs, abs(found - wanted))
            elif position not in ours["undecided_positions"]:
                assert found == wanted, (path, words, position, found, wanted)
            compared += 1
    print(
        f"{path}: {compared} outputs; largest difference {of_outputs:.1e}, "
        f"of a score {of_scores:.1e}, of the stream {of_streams:.1e}"
    )
    assert compared > 0 and max(of_streams, of_scores, of_outputs) < TOLERANCE


if __name__ == "__main__":
    for model in sys.argv[2:]:
        check(sys.argv[1], model)
