#!/usr/bin/env bash
# The published zoo, from nothing to results/zoo/manifest.csv: 88 random programs and 12 of the library, at three widths with three
# trainings each (docs/zoo.md). What is done already is not done again; Ctrl-C stops, the same command resumes.
#
#     scripts/zoo.sh [DIR]
#
# DIR (default: target/zoo) takes programs, runs and models; with ACTIVATIONS=1 the models have their true features' activations,
# some gigabytes.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
zoo=$(realpath -m "${1:-$root/target/zoo}")
cd "$root"
without=(--no-activations)
[[ -z ${ACTIVATIONS:-} ]] || without=()

cargo build --release --quiet
compress=${CARGO_TARGET_DIR:-target}/release/compress
"$compress" generate --count 88 --seed 1 --operators 3..8 -o "$zoo/programs"
"$compress" sweep "$zoo/programs/zoo.toml" --output "$zoo/runs/generated" --quiet
"$compress" sweep experiments/zoo.toml --output "$zoo/runs/library" --quiet
"$compress" export "$zoo/runs" --zoo "$zoo/models" "${without[@]}"
mkdir -p results/zoo
cp "$zoo/models/manifest.csv" "$zoo/programs/programs.csv" results/zoo
