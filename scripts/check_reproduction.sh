#!/usr/bin/env bash
# Does a study, run from scratch, give the committed summary.csv again? On the same kind of processor byte
# for byte; elsewhere every median has to lie between the committed smallest and largest value of its seeds.
#
#     scripts/check_reproduction.sh STUDY [DIR]
#
# DIR (default: a new temporary one) takes the runs; a sweep that was stopped goes on there.
set -euo pipefail
study=${1:?usage: check_reproduction.sh STUDY [DIR]}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
runs=${2:-$(mktemp -d)}
runs=$(realpath -m "$runs")
cd "$root"
committed=results/$study/summary.csv
if [[ ! -f $committed ]]; then
    echo "error: there is no $committed to compare with" >&2
    exit 2
fi
cargo build --release --quiet
"${CARGO_TARGET_DIR:-target}/release/compress" sweep "experiments/$study.toml" --output "$runs"
if cmp -s "$runs/summary.csv" "$committed"; then
    echo "$study: summary.csv is the committed one, byte for byte"
    exit 0
fi
echo "$study: summary.csv differs from the committed one; its medians:"
awk -F, '
    FNR == 1 {
        for (i = 1; i <= NF; i++) {
            if (FILENAME == ARGV[1]) { column[$i] = i }
            if ($i ~ /_median$/) { metric[i] = substr($i, 1, length($i) - 7); last = i }
        }
        width = NF
        next
    }
    FILENAME == ARGV[1] { committed[FNR] = $0; next }
    {
        # Only settings, which come first, may have commas in a cell: figures are counted from the right.
        shift = split(committed[FNR], cell, ",") - width
        for (i = 1; i <= last; i++) {
            median = $(i + NF - width)
            if (!(i in metric) || median == "") continue
            low = cell[column[metric[i] "_min"] + shift]; high = cell[column[metric[i] "_max"] + shift]
            medians++
            if (median + 0 < low + 0 || median + 0 > high + 0) {
                printf "  row %d: %s is %s, committed were %s to %s\n", FNR, metric[i], median, low, high
                outside++
            }
        }
    }
    END {
        printf "%d of %d lie within what the committed seeds do\n", medians - outside, medians
        exit outside > 0 || medians == 0
    }' "$committed" "$runs/summary.csv"
