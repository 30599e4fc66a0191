#!/usr/bin/env bash
# The smallest d of the library's programs, from nothing to results/REPORT.md: searches, certificates, and random starts at the same d
# as the control (experiments/smallest_d.toml, smallest_d_second.toml). What is done already is not done again; Ctrl-C stops, the same command resumes.
#
#     scripts/smallest_d.sh [PROGRAM]...
#
# With names, the searches of these programs only, and no control; shuffle_dyck2 and sort take hours, and are searched by name
# alone. RESULTS=DIR puts everything elsewhere (default: results,
# from the repository's root).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
results=$(realpath -m --relative-to="$root" "${RESULTS:-$root/results}")
cd "$root"
# The inputs are those of experiments/programs.toml, but for shuffle_dyck2: of its inputs of length 5 none is balanced.
lengths='inputs.lengths=[1, 2, 3, 4, 5]'
declare -A settings=(
    [frac_prevs]=
    [pair_balance]='model.max_seq_len=5'
    [length_numerical]=$lengths
    [length]=$lengths
    [hist]=
    [detect_pattern]=
    [shift_by]=
    [nary_sequencemap]=
    [count]='model.max_seq_len=5'
    [count_less_freq]='model.max_seq_len=5'
    [reverse]=
    [sort]=
    [sort_unique]="$lengths;inputs.unique_tokens=true"
    [shuffle_dyck2]='model.max_seq_len=4;inputs.lengths=[2, 4]'
)
all=(frac_prevs pair_balance length_numerical length hist detect_pattern shift_by nary_sequencemap count count_less_freq
    reverse sort_unique)
programs=("$@")
[[ ${#programs[@]} -gt 0 ]] || programs=("${all[@]}")
for program in "${programs[@]}"; do
    if [[ ! -v settings[$program] ]]; then
        echo "error: there is no search for $program; there are ${!settings[*]}" >&2
        exit 2
    fi
done

cargo build --release --quiet
compress=${CARGO_TARGET_DIR:-target}/release/compress
reproduce=${CARGO_TARGET_DIR:-target}/release/reproduce
mkdir -p "$results/searches"
for program in "${programs[@]}"; do
    echo "== $program"
    set_keys=(--set "model.program=programs/$program.rasp")
    IFS=';' read -ra keys <<<"${settings[$program]}"
    for key in "${keys[@]}"; do
        set_keys+=(--set "$key")
    done
    search=$results/searches/$program
    "$compress" shrink configs/hist.toml "${set_keys[@]}" --output "$search"
    for found in "$search"/*/found.json; do
        d=$(sed -n 's/^ *"d": \([0-9]*\),$/\1/p' "$found")
        w=$(dirname "$found")/d=$d
        [[ -f $w/certificate.json ]] || "$compress" certify "$w" || [[ $? -eq 1 ]] # 1: not proved, which the table says
    done
done
"$reproduce" searches "$results/searches"
if [[ $# -eq 0 ]]; then
    for study in smallest_d smallest_d_second; do
        "$compress" sweep "experiments/$study.toml" --output "$results/$study"
        "$reproduce" publish "$results/$study" --tables --quiet
    done
    "$reproduce" paper "$results"
fi
