#!/usr/bin/env bash
# Builds the Python package as a wheel, installs it with NumPy alone into a fresh virtual environment, and runs its tests
# there, and the notebooks in another one. Needs Rust, Python 3.10 or newer (PYTHON=... chooses one) and the network for
# pip; without such a Python it says so and does nothing. It uses this repository's target directory and the profile of
# the other checks, so that only the package itself is compiled.
#
#     scripts/check_python.sh                    # PROFILE=dev compiles faster and trains slower
#     MANYLINUX=1 scripts/check_python.sh        # for glibc 2.17 and newer, linked by zig: everything is compiled again
#     NOTEBOOKS=write scripts/check_python.sh    # keeps the notebooks' fresh outputs
#     KEEP=dist scripts/check_python.sh          # the wheel and the source distribution are left in dist
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2> /dev/null; then
    echo "NOT CHECKED: there is no Python 3.10 or newer here ($python), so the Python package is neither built nor tested."
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
export PYTHONDONTWRITEBYTECODE=1
profile=${PROFILE:-release}
install() { "$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-cache-dir "${@:2}"; }

echo "== install maturin"
"$python" -m venv "$work/build"
install "$work/build" maturin==1.16.0
options=(--manifest-path crates/python/Cargo.toml --profile "$profile" --locked --out "$work/dist")
if [[ -n ${MANYLINUX:-} ]]; then
    install "$work/build" ziglang==0.17.1
    options+=(--zig --compatibility manylinux2014)
fi

echo "== format and lints of the package's crate"
cargo fmt --check -p compress-python
PYO3_PYTHON=$work/build/bin/python cargo clippy --quiet -p compress-python -- -D warnings

echo "== build the wheel"
PATH=$work/build/bin:$PATH "$work/build/bin/maturin" build "${options[@]}"
PATH=$work/build/bin:$PATH "$work/build/bin/maturin" sdist --manifest-path crates/python/Cargo.toml --out "$work/dist"
wheel=$(echo "$work"/dist/*.whl)
du --bytes "$work"/dist/* | sed "s,$work/dist/,,"
if [[ -n ${KEEP:-} ]]; then
    mkdir -p "$KEEP"
    cp "$work"/dist/* "$KEEP"
fi

echo "== install it with NumPy alone"
"$python" -m venv "$work/venv"
install "$work/venv" --only-binary :all: "$wheel"
"$work/venv/bin/python" -m pip list --disable-pip-version-check --format freeze

echo "== its tests"
for file in crates/python/tests/test_*.py; do
    echo "-- $file"
    "$work/venv/bin/python" "$file"
done

echo "== the notebooks"
"$python" -m venv "$work/notebooks"
install "$work/notebooks" --only-binary :all: "$wheel" matplotlib nbclient ipykernel
for notebook in notebooks/*.ipynb; do
    echo "-- ${notebook##*/}"
    # Each has a directory to itself: runs of the same name would be in each other's way.
    read=$work/read/$(basename "$notebook" .ipynb)
    mkdir -p "$read"
    cp "$notebook" "$read"
    (cd "$read" && "$work/notebooks/bin/jupyter" execute --inplace --timeout 300 "${notebook##*/}")
done
"$python" scripts/notebook_outputs.py "$work/read" ${NOTEBOOKS:+--write}
