#!/usr/bin/env python3
"""Writes tests/fixtures/saelens.json: the numbers of SAELens itself for small dictionaries.

They are what `eval_sae_on_synthetic_data` says of autoencoders in float64, on samples, one a row, each as often as it was drawn;
`compress score` computes the same numbers from different rows with weights. Some of SAELens' are float32 on their way (7e-8), so that
their published definitions, evaluated here in NumPy, stand beside them.

    python scripts/saelens_fixture.py        # needs sae-lens and SciPy
"""

import json
import pathlib

import numpy as np
import sae_lens
import torch
from sae_lens.synthetic import ActivationGenerator, FeatureDictionary, eval_sae_on_synthetic_data
from scipy.optimize import linear_sum_assignment

FIXTURE = pathlib.Path(__file__).parent.parent / "tests" / "fixtures" / "saelens.json"


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def evaluate(samples, features, directions, atoms, codes, bias):
    """Each number by its definition; a ratio without a denominator is 0."""
    output = codes @ atoms + bias
    cosine = np.abs(unit(atoms) @ unit(directions).T)
    rows, columns = linear_sum_assignment(1 - cosine)
    best = cosine.argmax(axis=1)
    precision, recall, f1, accuracy = [], [], [], []
    for latent, feature in enumerate(best):
        fires, is_on = codes[:, latent] > 0, features[:, feature] > 0
        hits = np.sum(fires & is_on)
        p = hits / fires.sum() if fires.any() else 0.0
        r = hits / is_on.sum() if is_on.any() else 0.0
        precision.append(p)
        recall.append(r)
        f1.append(2 * p * r / (p + r) if p + r > 0 else 0.0)
        accuracy.append(np.mean(fires == is_on))
    length = np.linalg.norm(samples, axis=1)
    long = length > 1e-6
    total = np.sum((samples - samples.mean(axis=0)) ** 2)
    return {
        "true_l0": np.mean(np.sum(features != 0, axis=1)),
        "sae_l0": np.mean(np.sum(codes > 0, axis=1)),
        "dead_latents": int(np.sum(~np.any(codes > 0, axis=0))),
        "shrinkage": np.mean(np.linalg.norm(output[long], axis=1) / length[long]),
        "explained_variance": 1 - np.sum((samples - output) ** 2) / total,
        "mcc": np.mean(cosine[rows, columns]),
        "uniqueness": len(set(best.tolist())) / len(atoms),
        "precision": np.mean(precision),
        "recall": np.mean(recall),
        "f1_score": np.mean(f1),
        "accuracy": np.mean(accuracy),
    }


def of_sae_lens(features, directions, atoms, encoder_bias, bias):
    """The same numbers by SAELens, whose autoencoder's codes are max(0, (z - bias)·atom + encoder_bias)."""
    number, d = atoms.shape
    settings = {"apply_b_dec_to_input": True, "normalize_activations": "none", "dtype": "float64", "device": "cpu"}
    sae = sae_lens.StandardSAE(sae_lens.StandardSAEConfig(d_in=d, d_sae=number, **settings))
    dictionary = FeatureDictionary(*directions.shape, initializer=None).to(torch.float64)
    values = {"W_enc": atoms.T, "W_dec": atoms, "b_enc": encoder_bias, "b_dec": bias}
    with torch.no_grad():
        for name, value in values.items():
            getattr(sae, name).copy_(torch.tensor(value))
        dictionary.feature_vectors.copy_(torch.tensor(directions))
        if dictionary.bias is not None:
            dictionary.bias.zero_()

    class Rows(ActivationGenerator):
        def sample(self, batch_size):
            return torch.tensor(features[:batch_size])

    generator = Rows(len(directions), firing_probabilities=0.5)  # what it would draw by itself is not used
    found = vars(eval_sae_on_synthetic_data(sae, dictionary, generator, len(features)))
    return found | vars(found["classification"])


def numbers(of, names):
    return {name: int(of[name]) if name == "dead_latents" else float(of[name]) for name in names}


def case(seed, rows, width, d, atoms):
    """Rows with repeats, one of them 0; a feature that is never on, a latent that never fires."""
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(width, d))
    features = rng.random((rows, width)) * (rng.random((rows, width)) < 0.3)
    features[:, -1] = 0
    features[0] = 0
    z = features @ directions
    dictionary = np.concatenate([directions[: atoms // 2], rng.normal(size=(atoms - atoms // 2, d))])
    dictionary *= rng.uniform(0.5, 2, size=(atoms, 1))
    bias = 0.05 * rng.normal(size=d)
    encoder_bias = np.full(atoms, -0.3)
    encoder_bias[1] = -1000
    codes = np.maximum(0, (z - bias) @ dictionary.T + encoder_bias)
    times = rng.integers(1, 5, size=rows)
    every = np.repeat(np.arange(rows), times)
    defined = evaluate(z[every], features[every], directions, dictionary, codes[every], bias)
    found = of_sae_lens(features[every], directions, dictionary, encoder_bias, bias)
    largest = max(abs(found[name] - defined[name]) for name in defined)
    print(f"largest difference from the definitions: {largest:.1e}")
    assert largest < 1e-6, (found, defined)
    return {
        "times": times.tolist(),
        "z": z.tolist(),
        "features": features.tolist(),
        "directions": directions.tolist(),
        "atoms": dictionary.tolist(),
        "codes": codes.tolist(),
        "bias": bias.tolist(),
        "expected": numbers(found, defined),
        "defined": numbers(defined, defined),
    }


if __name__ == "__main__":
    print(f"SAELens {sae_lens.__version__}, torch {torch.__version__}")
    cases = [case(0, 24, 7, 4, 6), case(1, 20, 5, 6, 8), case(2, 16, 6, 3, 3)]
    FIXTURE.write_text(json.dumps(cases) + "\n")
