#!/usr/bin/env bash
# Checks the compiler against Python Tracr, live, as CI does: every program of Tracr's own test table
# and ours, compiled here and there, weight by weight. In a fresh virtual environment with the pinned
# requirements; TRACR_PYTHON=... names a Python that has them already. Needs cargo, Python 3.11 or
# newer (PYTHON=... chooses one) and the network for pip.
# Ends with "N passed, N failed"; the exit status is 0 only if nothing failed.
set -euo pipefail

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
export PYTHONDONTWRITEBYTECODE=1

python=$("$scripts/tracr_python.sh" "$work/venv")
echo "== compile every program"
"$scripts/compile_cases.sh" "$work/models"
echo "== compare with Tracr"
"$python" "$scripts/compare_compiler.py" "$work/models"
