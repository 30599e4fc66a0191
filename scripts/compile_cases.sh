#!/usr/bin/env bash
# Compiles the RASP source of every test case of Tracr's compiler into DIR/<case>.safetensors, for
# scripts/compare_compiler.py: those of TEST_CASES, and as causal_<case> those of CAUSAL_TEST_CASES.
#
#     scripts/compile_cases.sh DIR
set -euo pipefail

directory=${1:?"usage: scripts/compile_cases.sh DIR"}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
compress() { cargo run --release --quiet --manifest-path "$root/Cargo.toml" -- "$@"; }
mkdir -p "$directory"

for source in "$root"/tests/rasp_cases/*.rasp; do
    name=$(basename "$source" .rasp)
    # The first words of a case that Tracr refuses say so; tests/rasp/interpreter.rs checks those.
    if head -n 1 "$source" | grep -q "not supported"; then continue; fi
    if ! grep -q "^#! causal: true" "$source"; then
        compress compile "$source" --no-check -o "$directory/$name.safetensors" > /dev/null
    fi
done
for name in frac_prevs_{1,2,3} shift_by_{one,two} detect_pattern_{a,ab,ab_2,ab_3,abc} selector_width; do
    compress compile "$root/tests/rasp_cases/$name.rasp" --causal --no-check \
        -o "$directory/causal_$name.safetensors" > /dev/null
done
echo "compiled $(find "$directory" -name '*.safetensors' | wc -l) cases"
