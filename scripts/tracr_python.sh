#!/usr/bin/env bash
# Prints a Python that has Tracr and what else scripts/requirements.txt pins: TRACR_PYTHON if that is set, else that of a
# virtual environment made in DIR. Needs Python 3.11 or newer (PYTHON=... chooses one) and the network for pip.
#
#   python=$(scripts/tracr_python.sh DIR)
set -euo pipefail

if [[ -n ${TRACR_PYTHON:-} ]]; then
    echo "$TRACR_PYTHON"
    exit
fi
echo "== install the pinned requirements" >&2
"${PYTHON:-python3}" -m venv "$1"
"$1/bin/python" -m pip install --quiet --disable-pip-version-check \
    -r "$(dirname "${BASH_SOURCE[0]}")/requirements.txt" >&2
echo "$1/bin/python"
