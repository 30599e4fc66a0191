#!/usr/bin/env bash
# Does training find what the paper published? frac_prevs, d = 8, ten seeds: the Gram matrices against
# the published heat map (BOS aside, it differs from seed to seed), and what became of each feature.
#
#     scripts/check_published_gram.sh DIR [--set KEY=VALUE]...
#
# Runs that DIR holds already are not run again. SEEDS="0 1 2" chooses others; further arguments go to
# every run, such as --set training.steps=40000 --set training.learning_rate.initial=1e-2 for a quick
# look. Fails if the median correlation is below 0.95, or if more than half of the seeds see a feature
# otherwise than published.
set -euo pipefail
directory=${1:?usage: check_published_gram.sh DIR [--set KEY=VALUE]...}
shift
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
read -r -a seeds <<< "${SEEDS:-0 1 2 3 4 5 6 7 8 9}"

(cd "$root" && cargo build --release --quiet)
compress=${CARGO_TARGET_DIR:-$root/target}/release/compress
for seed in "${seeds[@]}"; do
    "$compress" --config "$root/configs/frac_prevs.toml" --set compression.dim=8 \
        --set training.seed="$seed" "$@" --output "$directory/seed=$seed" --quiet
done
"$compress" analyze "$directory" --exclude tokens:BOS \
    --reference "$root/tests/fixtures/published_gram_frac_prevs_d8.csv"

echo
echo "Verdicts over ${#seeds[@]} seeds, and what was published:"
awk -F, '
    FNR == 1 { next }
    FILENAME ~ /reference_agreement/ { correlations[++runs] = $5; next }
    {
        wanted = ""
        if ($1 == "frac_prevs" || $1 == "tokens:x") wanted = "dedicated shared"
        else if ($1 == "is_x") wanted = "shared"
        else if ($1 ~ /^tokens:(a|b|c|compiler_pad)$/) wanted = "dropped"
        else if ($1 ~ /^indices:/) wanted = "superposed"
        if (wanted == "") next
        if (!($1 in expected)) order[++features] = $1
        expected[$1] = wanted
        total[$1]++
        if (index(wanted, $5)) right[$1]++
    }
    END {
        for (i = 1; i <= features; i++) {
            f = order[i]
            printf "  %-20s %-17s %d of %d\n", f, expected[f], right[f], total[f]
            if (2 * right[f] < total[f]) failed = 1
        }
        for (i = 2; i <= runs; i++)
            for (j = i; j > 1 && correlations[j] < correlations[j - 1]; j--) {
                swap = correlations[j]; correlations[j] = correlations[j - 1]; correlations[j - 1] = swap
            }
        middle = (correlations[int((runs + 1) / 2)] + correlations[int((runs + 2) / 2)]) / 2
        printf "median correlation %.4f (at least 0.95 is wanted)\n", middle
        exit failed || middle < 0.95
    }' "$directory"/seed=*/features.csv "$directory/reference_agreement.csv"
