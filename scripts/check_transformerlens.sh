#!/usr/bin/env bash
# Loads the shipped models and the exports of two short runs into TransformerLens, in a fresh virtual
# environment, and compares every stage and output with `compress run`. Needs Rust, Python 3.11 or newer
# (PYTHON=... chooses one), the network for pip, and 6 GB of disk for the while: PyPI's torch brings its
# GPU libraries along. VENV=... uses an environment that is there already.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
export PYTHONDONTWRITEBYTECODE=1

cargo build --release --quiet
compress=${CARGO_TARGET_DIR:-target}/release/compress
if [[ -n ${VENV:-} ]]; then
    python=$VENV/bin/python
else
    echo "== install the pinned requirements"
    "${PYTHON:-python3}" -m venv "$work/venv"
    python=$work/venv/bin/python
    "$python" -m pip install --quiet --disable-pip-version-check --no-cache-dir \
        -r scripts/requirements_transformerlens.txt
fi

exports=()
for name in frac_prevs sort_unique; do
    "$compress" --config "configs/$name.toml" --set training.steps=300 --set training.log_every=300 \
        --output "$work/$name" --quiet > "$work/log"
    "$compress" export "$work/$name" -o "$work/$name.safetensors"
    "$compress" export "$work/$name" --format npz -o "$work/$name.npz"
    exports+=("$work/$name.safetensors")
done
echo "== compare"
"$python" scripts/test_load_in_transformerlens.py "$compress" models/*.safetensors "${exports[@]}" \
    tests/fixtures/models/causal_{detect_pattern_ab,selector_width}.safetensors
"$python" - "$work/frac_prevs.npz" "$work/frac_prevs/gram.csv" << 'END'
import csv, sys
import numpy as np
arrays = np.load(sys.argv[1])
w, g, labels = arrays["W"], arrays["G"], list(arrays["labels"])
assert np.abs(w.T @ w - g).max() < 1e-12 and len(labels) == w.shape[1]
for row in csv.DictReader(open(sys.argv[2])):
    a, b = labels.index(row["feature_a"]), labels.index(row["feature_b"])
    assert abs(g[a, b] - float(row["value"])) < 1e-12, row
print(f"NumPy reads W {w.shape}, G {g.shape} and {len(labels)} labels; G is gram.csv's")
END
