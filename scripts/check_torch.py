"""Compares the package's PyTorch modules with its own float64 forward pass, on every input of every library program.

    python scripts/check_torch.py [--transformer-lens]

For each program: the compiled model, and one compressed to 3/4 of its width by 1000 steps from the principal directions of
what is read, with W apart and folded, in float32 and float64. Shown is the largest difference of an output, divided by the largest
output where that is above 1, and for attention patterns in TransformerLens. It has to be below 2e-5 in float32 for compiled models, and
below 1e-9 in float64 for all; a compressed model may amplify what float32 rounds.
Needs tracr_compress and torch.
"""

import argparse
import os
import sys
import tempfile
import warnings

import numpy as np
import torch
import tracr_compress as tc

CHUNK = 4096
EXACT = 1e-9
SINGLE = 2e-5
# So many inputs of a space that is larger.
MOST = 20_000


def outputs(net, ids, dtype):
    """The outputs [N, T, O] of a module, in float64."""
    with torch.no_grad():
        parts = [net(torch.as_tensor(ids[i : i + CHUNK])).double().numpy() for i in range(0, len(ids), CHUNK)]
    return np.concatenate(parts)


def ours(model, ids):
    return np.concatenate([model.forward(ids[i : i + CHUNK])["output"] for i in range(0, len(ids), CHUNK)])


def inputs(model):
    """The key of a run file that a program without repeated tokens needs."""
    return {"inputs.unique_tokens": True} if model.metadata.get("unique_tokens") else {}


def hooked(net):
    """That hooks see what is computed, and can replace it."""
    seen = {}
    ids = torch.as_tensor(net.source.inputs()[:3])
    blocks = {name: module for name, module in net.named_modules() if isinstance(module, torch.nn.Identity)}
    handles = [
        module.register_forward_hook(lambda _, __, value, name=name: seen.update({name: value})) for name, module in blocks.items()
    ]
    with torch.no_grad():
        net(ids)
    for handle in handles:
        handle.remove()
    assert set(seen) == set(blocks), set(blocks) - set(seen)
    arrays = net.source.forward(ids.numpy())
    for i in range(len(net.layers)):
        pattern = seen[f"layers.{i}.attn.pattern"].double().numpy()
        assert np.abs(pattern - arrays["pattern"][i]).max() < 1e-6, i
        stream = seen[f"layers.{i}.mlp.stream"].double().numpy()
        assert np.abs(stream - arrays["residual"][2 * i + 2]).max() < 1e-6, i
    changed = net.last_read.register_forward_hook(lambda *_: torch.zeros_like(seen["last_read"]))
    with torch.no_grad():
        assert net(ids).abs().max() == 0
    changed.remove()


def row(name, subject, nets):
    ids = subject.inputs()
    ids = ids if len(ids) <= MOST else ids[:: -(-len(ids) // MOST)]
    expected = ours(subject, ids)
    scale = max(1.0, np.abs(expected).max())
    differences = {}
    for what, make in nets.items():
        for dtype in (torch.float32, torch.float64):
            net = make(dtype)
            differences[what, dtype] = np.abs(outputs(net, ids, dtype) - expected).max() / scale
        hooked(net)
    cells = "".join(f"{value:>12.1e}" for value in differences.values())
    print(f"{name:36}{len(ids):>8}{cells}", flush=True)
    for (what, dtype), value in differences.items():
        if dtype == torch.float64:
            assert value < EXACT, f"{name}: {value} in float64"
        elif what == "compiled":
            assert value < SINGLE, f"{name}: {value} in float32"


def transformer_lens(name, subject):
    """Outputs and patterns in TransformerLens."""
    import transformer_lens

    model = subject.folded() if isinstance(subject, tc.Run) else subject
    tl = model.transformer_lens(dtype=torch.float64)
    ids = subject.inputs()[:2000]
    expected = subject.forward(ids)
    with torch.no_grad():
        logits, cache = tl.run_with_cache(torch.as_tensor(ids))
    output = np.abs(logits.numpy() - expected["output"]).max()
    patterns = [
        np.abs(cache[f"blocks.{i}.attn.hook_pattern"].numpy() - expected["pattern"][i]).max()
        for i in range(model.metadata["num_layers"])
    ]
    version = getattr(transformer_lens, "__version__", "")
    print(f"{name:36}{type(tl).__name__} {version}: outputs {output:.1e}, patterns {max(patterns):.1e}", flush=True)
    assert output < 1e-7 and max(patterns) < 1e-7


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--transformer-lens", action="store_true", help="frac_prevs and sort_unique in TransformerLens")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # what the compiler has to say of a program is not the matter here
    print(f"Python {sys.version.split()[0]}, torch {torch.__version__}, NumPy {np.__version__}, compress {tc.__version__}")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        if arguments.transformer_lens:
            for name in ("frac_prevs", "sort_unique"):
                model = tc.compile(name)
                transformer_lens(name, model)
                transformer_lens(f"{name}, d = 12", tc.train(model, 12, steps=2000, output=f"tl/{name}", set=inputs(model), progress=False))
            return
        columns = ("float32", "float64") * 2
        print(f"{'largest difference of an output':36}{'inputs':>8}" + "".join(f"{column:>12}" for column in columns))
        print(f"{'':44}{'as it is / W apart':>24}{'folded':>24}")
        for name in tc.library():
            model = tc.compile(name, check=False)
            row(name, model, {"compiled": lambda dtype, model=model: model.torch(dtype)})
            dim = max(1, 3 * len(model.labels) // 4)
            keys = {"compression.init": "rank", "training.weight_decay": 0.0, "training.learning_rate.initial": 1e-4}
            keys |= {"training.log_every": 1000, "training.checkpoint_every": 1000, **inputs(model)}
            run = tc.train(model, dim, steps=1000, output=name, set=keys, progress=False)
            nets = {
                "apart": lambda dtype, run=run: run.torch(dtype, folded=False),
                "folded": lambda dtype, run=run: run.torch(dtype),
            }
            row(f"{name}, d = {dim}", run, nets)


if __name__ == "__main__":
    main()
