#!/usr/bin/env bash
# The reproduction, from nothing to results/REPORT.md: runs every study, publishes it, and compares with
# the paper. What is done already is not done again; Ctrl-C stops, the same command resumes.
#
#     scripts/reproduce.sh [STUDY]...
#
# With names, these studies only, in the order given; the report takes in whatever is published. RESULTS=DIR
# puts everything elsewhere (default: results, from the repository's root). SETTINGS="training.steps=2000 ..."
# shortens every run, for a look at how it goes: its results are not the paper's.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Paths in pages and messages are relative to the root, wherever this is called from.
results=$(realpath -m --relative-to="$root" "${RESULTS:-$root/results}")
cd "$root"
# The paper's statements come first, then where it is silent, then what is beyond it.
all=(output_positions frac_prevs_dims sort_unique_dims targets sort_unique_lengths gram_training
    training_length token_weights untied per_layer programs circuits recovery recovery_programs)
studies=("$@")
[[ ${#studies[@]} -gt 0 ]] || studies=("${all[@]}")
for study in "${studies[@]}"; do
    if [[ ! -f experiments/$study.toml ]]; then
        echo "error: there is no experiments/$study.toml; the report's studies are ${all[*]}" >&2
        exit 2
    fi
done
settings=()
for setting in ${SETTINGS:-}; do
    settings+=(--set "$setting")
done

cargo build --release --quiet
compress=${CARGO_TARGET_DIR:-target}/release/compress
reproduce=${CARGO_TARGET_DIR:-target}/release/reproduce
mkdir -p "$results"
for study in "${studies[@]}"; do
    echo "== $study"
    # 1: runs that diverged or failed. They are in the tables, and the next call tries the failed ones again.
    "$compress" sweep "experiments/$study.toml" --output "$results/$study" \
        ${settings[@]+"${settings[@]}"} || {
        code=$?
        [[ $code -eq 1 ]] || exit "$code"
    }
    published=(publish "$results/$study" --quiet)
    case $study in
        # The studies whose G the report compares with the published heat map.
        output_positions | gram_training)
            published+=(--reference tests/fixtures/published_gram_frac_prevs_d8.csv
                --exclude tokens:BOS)
            ;;
        # What it asks is in the scores of circuits, whose figure is the report's.
        circuits)
            "$compress" judge "$results/$study" >"$results/$study/judged.txt"
            published+=(--tables)
            ;;
        # Their figures stand in the report or nowhere, and results/ has to stay small.
        recovery | recovery_programs) published+=(--tables) ;;
    esac
    "$reproduce" "${published[@]}"
done
"$reproduce" paper "$results"
