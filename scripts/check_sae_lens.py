"""Compares the numbers of `compress score` with SAELens' own, on dictionaries that `compress recover` writes.

    python scripts/check_sae_lens.py

SAELens draws samples; here it is given each row of a run's stream as often as the row occurs, so that both say the same but for
float32. Needs tracr_compress, torch, sae-lens and the TransformerLens that this wants (6.54 wants version 3).
"""

import os
import tempfile
import warnings

import numpy as np
import sae_lens
import torch
import tracr_compress as tc
from sae_lens import SAE
from sae_lens.synthetic import eval_sae_on_synthetic_data

CLOSE = 1e-6
RUNS = (("frac_prevs", 8, {}), ("sort_unique", 12, {"inputs.unique_tokens": True}), ("hist", 10, {}))


def main():
    warnings.simplefilter("ignore")
    print(f"SAELens {sae_lens.__version__}, torch {torch.__version__}, compress {tc.__version__}")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for program, dim, keys in RUNS:
            run = tc.train(tc.compile(program), dim, steps=20_000, set=keys, output=program, progress=False)
            truth, arrays = run.sae_lens(), run.activations()
            often = np.rint(arrays["weights"] / arrays["weights"].min()).astype(int)
            rows = torch.tensor(np.repeat(arrays["features"], often, axis=0), dtype=torch.float32)
            truth.generator.sample = lambda size, rows=rows: rows[:size]
            for method in ("l1_sae", "topk_sae"):
                path = tc.recover(run, method, f"{program}-{method}", progress=False)[0]["path"]
                theirs = vars(eval_sae_on_synthetic_data(SAE.load_from_disk(path), truth.dictionary, truth.generator, len(rows)))
                theirs = theirs | vars(theirs["classification"])
                ours = tc.score(run, path, progress=False)["saelens"]
                largest = max(abs(theirs[name] - value) for name, value in ours.items())
                print(f"{program:12} {method:9} {len(ours)} numbers, largest difference {largest:.1e}")
                assert largest < CLOSE, {name: (theirs[name], value) for name, value in ours.items()}


if __name__ == "__main__":
    main()
