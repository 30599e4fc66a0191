#!/usr/bin/env bash
# Are all cores used fully? Runs 27 runs of frac_prevs (d = 4 to 12, three seeds) one after the other
# (--jobs 1) and then with a job a core, and prints both times and their ratio to an even share: 1.00 would
# be perfect, up to 1.10 passes. bench_sweep.sh [STEPS] (default 20000); nothing else should be running.
# COMPRESS=... names the program (default: target/release/compress, built if need be), JOBS=... the jobs.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
steps=${1:-20000}
jobs=${JOBS:-$(nproc)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
if [[ -z ${COMPRESS:-} ]]; then
    (cd "$root" && cargo build --release --quiet)
    COMPRESS=$root/target/release/compress
fi
cat >"$work/bench.toml" <<STUDY
name = "bench"
base = "$root/configs/frac_prevs.toml"
[grid]
compression.dim = { from = 4, count = 9 }
training.seed = { from = 0, count = 3 }
[override]
training.steps = $steps
STUDY

# seconds JOBS: of the whole command, 27 runs.
seconds() {
    local start=$EPOCHREALTIME
    "$COMPRESS" sweep "$work/bench.toml" --jobs "$1" --output "$work/jobs$1" --quiet >/dev/null
    awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f", b - a }'
}
alone=$(seconds 1)
together=$(seconds "$jobs")
for table in runs summary; do
    cut -d, -f1-8 "$work/jobs1/$table.csv" | cmp - <(cut -d, -f1-8 "$work/jobs$jobs/$table.csv")
done
awk -v alone="$alone" -v together="$together" -v jobs="$jobs" -v steps="$steps" 'BEGIN {
    ratio = together / (alone / jobs)
    printf "27 runs of %d steps: %.2f s one after the other, %.2f s with %d jobs\n", \
        steps, alone, together, jobs
    printf "%.3f of an even share (limit 1.1)\n", ratio
    exit ratio > 1.1
}'
