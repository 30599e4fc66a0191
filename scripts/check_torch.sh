#!/usr/bin/env bash
# Installs the Python package beside PyTorch, and compares its modules with its own forward pass on every input of every
# program of the library; then the same in TransformerLens. Needs what scripts/check_python.sh needs, and 6 GB of disk for the
# while: PyPI's torch brings its GPU libraries along. VENV=... uses an environment that has torch (and TransformerLens) already,
# and tracr_compress.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
export PYTHONDONTWRITEBYTECODE=1
if [[ -n ${VENV:-} ]]; then
    python=$VENV/bin/python
else
    "${PYTHON:-python3}" -m venv "$work/venv"
    python=$work/venv/bin/python
    pip=("$python" -m pip install --quiet --disable-pip-version-check --no-cache-dir)
    "${pip[@]}" maturin==1.16.0
    PATH=$work/venv/bin:$PATH maturin build --manifest-path crates/python/Cargo.toml --profile "${PROFILE:-release}" --out "$work/dist"
    "${pip[@]}" "$work"/dist/*.whl torch==2.15.0 transformer-lens==4.3.0
fi
echo "== PyTorch"
"$python" scripts/check_torch.py
echo "== TransformerLens"
"$python" scripts/check_torch.py --transformer-lens
