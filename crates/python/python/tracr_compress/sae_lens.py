"""A run as ground truth for SAELens.

    from sae_lens.synthetic import eval_sae_on_synthetic_data
    truth = run.sae_lens()
    result = eval_sae_on_synthetic_data(sae, truth.dictionary, truth.generator, num_samples=100_000)

`dictionary` is SAELens's FeatureDictionary with the columns of W as its D features; `generator` draws rows of the compressed
model's own features with the weights that they have on the run's inputs. So the hidden activations are the model's,
z = W s. `tracr_compress.score` computes the same numbers exactly, beside their nulls and ceilings.
"""

from collections import namedtuple

import torch

from ._native import CompressError

Truth = namedtuple("Truth", "dictionary generator labels")


def of_run(run, site=None, bos=True, seed=0):
    """The dictionary, the generator, and the D features' names."""
    try:
        from sae_lens.synthetic import ActivationGenerator, FeatureDictionary
    except ImportError as problem:
        raise CompressError(f"SAELens cannot be imported ({problem}): pip install sae-lens") from None
    arrays = run.activations(site, bos)
    directions = torch.tensor(arrays["W"].T, dtype=torch.float32)  # [D, d]
    features = torch.tensor(arrays["features"], dtype=torch.float32)  # [n, D]
    weights = torch.tensor(arrays["weights"], dtype=torch.float64)
    random = torch.Generator().manual_seed(seed)

    class Rows(ActivationGenerator):
        def sample(self, batch_size):
            rows = torch.multinomial(weights, batch_size, replacement=True, generator=random)
            return features[rows]

    dictionary = FeatureDictionary(*directions.shape, initializer=None)
    with torch.no_grad():
        dictionary.feature_vectors.copy_(directions)
    generator = Rows(len(directions), firing_probabilities=0.5)  # what it would draw by itself is not used
    return Truth(dictionary, generator, run.labels)
