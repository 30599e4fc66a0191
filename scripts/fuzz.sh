#!/usr/bin/env bash
# Fuzzes whatever reads files and text, with libFuzzer, on the toolchain that builds everything else:
#
#   scripts/fuzz.sh                                  every target, a minute each, from the seeds; CI takes 15 s each
#   SECONDS_EACH=10 scripts/fuzz.sh rasp tables      some of them, shorter
#   RUNS=10000000 scripts/fuzz.sh rasp               long: so many executions, in a corpus that is kept and grows
#   SEED=1 scripts/fuzz.sh                           with the same random numbers each time (default: others each time)
#   OPT_LEVEL=1 scripts/fuzz.sh                      our crates less optimised: built sooner, slower to run (CI does so)
#   scripts/fuzz.sh replay rasp fuzz/artifacts/rasp/crash-...   one input again
#
# A table of executions, seconds, coverage (edges) and corpus goes to standard output. Any crash, hang (10 s) or
# input that takes more than 1 GB fails; the input is kept in fuzz/artifacts. JOBS targets run at a time (2). A
# target's seeds are in fuzz/seeds, its words in fuzz/dictionaries, its kept corpus in fuzz/corpus.
# Needs Rust and a C++ compiler (libFuzzer is C++).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Longest inputs: what a target can hold without spending its time on copies. Targets in the order of the table.
declare -A LONGEST=(
    [model_file]=4096 [checkpoint]=2048 [projection]=2048 [rasp]=512 [run_config]=2048 [set_overrides]=512
    [study_file]=2048 [tables]=1024 [run_files]=1024 [figures]=1024 [compiled]=256 [engines]=256
)
ALL=(model_file checkpoint projection rasp run_config set_overrides study_file tables run_files figures compiled engines)

build() {
    local options=()
    if [[ -n ${OPT_LEVEL:-} ]]; then
        local crate
        for crate in compress-superposition compress-tracr tracr-compress compress-fuzz; do
            options+=(--config "profile.release.package.$crate.opt-level=$OPT_LEVEL")
        done
    fi
    RUSTC_WORKSPACE_WRAPPER=$PWD/fuzz/instrument \
        cargo build --release --locked --quiet --package compress-fuzz "${options[@]}" "${@/#/--bin=}"
}

# Next to the ordinary binaries, none of which has such a name.
binary() { echo "${CARGO_TARGET_DIR:-target}/release/$1"; }

if [[ ${1:-} == replay ]]; then
    build "$2"
    exec "$(binary "$2")" -timeout=10 -rss_limit_mb=1024 "${@:3}"
fi

targets=("$@")
if [[ ${#targets[@]} == 0 ]]; then
    targets=("${ALL[@]}")
fi
for target in "${targets[@]}"; do
    if [[ -z ${LONGEST[$target]:-} ]]; then
        echo "there is no target $target, only: ${ALL[*]}" >&2
        exit 2
    fi
done
build "${targets[@]}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# fuzz TARGET: one process, whose log is $work/TARGET.log; what it says at the end becomes a row of the table.
fuzz() {
    local target=$1 corpus limit status=0
    if [[ -n ${RUNS:-} ]]; then
        corpus=fuzz/corpus/$target limit=-runs=$RUNS
    else
        corpus=$work/$target limit=-max_total_time=${SECONDS_EACH:-60}
    fi
    mkdir -p "$corpus" "fuzz/artifacts/$target"
    local options=(-max_len="${LONGEST[$target]}" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1
        -seed="${SEED:-0}")
    if [[ -s fuzz/dictionaries/$target.dict ]]; then
        options+=(-dict="fuzz/dictionaries/$target.dict")
    fi
    "$(binary "$target")" "$corpus" "fuzz/seeds/$target" "$limit" "${options[@]}" \
        -artifact_prefix="fuzz/artifacts/$target/" > "$work/$target.log" 2>&1 || status=$?
    # The last line with figures, as: #1234 DONE cov: 56 ft: 78 corp: 9/10Kb ... exec/s: 11 rss: 12Mb
    awk -v target="$target" -v status="$status" '
        / cov: / { for (i = 1; i < NF; i++) { if ($i == "cov:") edges = $(i + 1); if ($i == "corp:") corpus = $(i + 1) } }
        /^stat::number_of_executed_units:/ { runs = $2 }
        /^stat::average_exec_per_sec:/ { speed = $2 }
        /^Done / { seconds = $5 }
        END {
            printf "%-14s %12s %8s %8s %8s %12s  %s\n", target, runs, seconds, speed, edges, corpus,
                status == 0 ? "no crash" : "CRASHED"
        }' "$work/$target.log"
    if [[ $status != 0 ]]; then
        tail -n 40 "$work/$target.log" >&2
        for input in $(sed -n 's/.*Test unit written to //p' "$work/$target.log"); do
            echo "again: scripts/fuzz.sh replay $target $input" >&2
        done
    fi
    return "$status"
}

printf '%-14s %12s %8s %8s %8s %12s\n' target executions seconds exec/s edges corpus
failed=0
running=0
for target in "${targets[@]}"; do
    if ((running == ${JOBS:-2})); then
        wait -n || failed=1
        running=$((running - 1))
    fi
    fuzz "$target" &
    running=$((running + 1))
done
while ((running > 0)); do
    wait -n || failed=1
    running=$((running - 1))
done
exit "$failed"
