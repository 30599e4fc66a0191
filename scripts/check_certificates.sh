#!/usr/bin/env bash
# Makes short runs, certifies them, and checks the certificates with NumPy alone; then plants faults that the check must
# find. As CI does: in a fresh virtual environment with NumPy in the pinned version. Needs Python 3.11 or newer
# (PYTHON=... chooses one; with NUMPY=installed its own NumPy is used) and the network for pip. Ends with
# "N passed, N failed".
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
export PYTHONDONTWRITEBYTECODE=1
python=${PYTHON:-python3}
if [[ ${NUMPY:-} != installed ]]; then
    "$python" -m venv "$work/venv"
    python=$work/venv/bin/python
    "$python" -m pip install --quiet --disable-pip-version-check "$(grep '^numpy==' scripts/requirements.txt)"
fi
cargo build --release --quiet

# certify NAME CONFIG SETTING...
certify() {
    local settings=() setting
    for setting in "${@:3}"; do settings+=(--set "$setting"); done
    target/release/compress --config "configs/$2.toml" "${settings[@]}" --output "$work/$1" --quiet >"$work/output"
    target/release/compress certify "$work/$1" --write-model "$work/$1/compiled.safetensors"
}

# Gaps that float64 cannot tell from ties, in a W for each block.
certify hidden_gap sort_unique compression.method=pca compression.dim=22 'inputs.lengths=[1]'
"$python" scripts/test_check_certificate.py --hide-gap "$work/hidden_gap"
target/release/compress certify "$work/hidden_gap" | tee "$work/output"
grep -q "double-double for 5 inputs" "$work/output"
# Numbers with errors, a few steps away from the states' principal directions; classes; classes that tie.
certify frac_prevs frac_prevs compression.init=pca compression.init_std=1 compression.dim=11 \
    training.steps=20 training.learning_rate.initial=1e-4
certify sort_unique sort_unique compression.method=pca compression.dim=22 'inputs.lengths=[1, 2, 3]'
certify shift_by hist compression.method=pca compression.dim=14 'model.program="programs/shift_by.rasp"' \
    'inputs.lengths=[2, 3]'
for name in frac_prevs sort_unique; do
    "$python" scripts/check_certificate.py "$work/$name/certificate.json" "$work/$name"
done
"$python" scripts/check_certificate.py "$work/shift_by/certificate.json" "$work/shift_by" \
    --model "$work/shift_by/compiled.safetensors"
"$python" scripts/test_check_certificate.py "$work"/{frac_prevs,sort_unique,shift_by,hidden_gap}
