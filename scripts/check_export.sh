#!/usr/bin/env bash
# Checks the exporter and the shipped models, as CI does: in a fresh virtual environment with the
# pinned requirements; TRACR_PYTHON=... names a Python that has them already. Needs Python 3.11 or newer
# (PYTHON=... chooses one) and the network for pip.
# Ends with "N passed, N failed"; the exit status is 0 only if nothing failed.
set -euo pipefail

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
models=$(cd "$scripts/.." && pwd)/models
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
export PYTHONDONTWRITEBYTECODE=1
passed=0 failed=0

# check WHAT COMMAND...: runs it and counts it. A last line "N passed, N failed" counts as such.
check() {
    local status=0
    echo "== $1"
    "${@:2}" 2>&1 | tee "$work/output" || status=1
    if [[ $(tail -n 1 "$work/output") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
        if ((status != 0 && BASH_REMATCH[2] == 0)); then failed=$((failed + 1)); fi
    elif ((status == 0)); then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $1"
    fi
}

python=$("$scripts/tracr_python.sh" "$work/venv")
check "the requirements agree with each other" "$python" -m pip --disable-pip-version-check check

check "the tests: labels, refusals, the same bytes again" "$python" "$scripts/test_export_tracr.py"
check "export the shipped models" "$python" "$scripts/export_tracr.py" --all-shipped "$work/shipped"
for model in "$models"/{frac_prevs,sort_unique}.safetensors; do
    # models/ is made by our own compiler: the weights are the same, and so is all that both say, but
    # for the last digits of the kept output (float32 there, float64 here): hence 1e-6.
    check "$(basename "$model") in models/ is what Tracr makes of its program" \
        "$python" "$scripts/compare_models.py" --ignore-numbers \
        "$model" "$work/shipped/$(basename "$model")"
done
check "export every program of Tracr's library, in one process" \
    "$python" "$scripts/export_tracr.py" --all-library "$work/library"
for name in frac_prevs sort_unique; do
    check "$name is the same after other compilations" \
        cmp "$work/shipped/$name.safetensors" "$work/library/$name.safetensors"
done

echo "$passed passed, $failed failed"
((failed == 0))
