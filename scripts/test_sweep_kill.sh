#!/usr/bin/env bash
# Kills a sweep of experiments/frac_prevs_dims.toml (242 runs) with SIGKILL at random moments, starts it
# again each time, and compares with a sweep that nobody disturbed: runs.csv, summary.csv and every run's
# files must be equal, columns of times aside, and what was complete at a kill must not be touched again.
# test_sweep_kill.sh [STEPS] [KILLS] (default 2000 and 10) takes about two and a half times as long as one
# sweep. COMPRESS=... names the program (default: target/release/compress, built if need be), JOBS=... the
# jobs, SEED=... the moments.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
steps=${1:-2000}
kills=${2:-10}
RANDOM=${SEED:-1}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
if [[ -z ${COMPRESS:-} ]]; then
    (cd "$root" && cargo build --release --quiet)
    COMPRESS=$root/target/release/compress
fi

# sweep NAME: into $work/NAME. Becomes the program: in the background, $! is its process.
sweep() {
    exec "$COMPRESS" sweep "$root/experiments/frac_prevs_dims.toml" --jobs "${JOBS:-$(nproc)}" --quiet \
        --set "training.steps=$steps" --set training.log_every=100 --set training.checkpoint_every=100 \
        --output "$work/$1"
}

# complete NAME: the complete runs of a study, one a line.
complete() { (cd "$work/$1" && find . -name summary.json -printf '%h\n' | sort); }

# fingerprint RUNS: which files they are and when they were written, down to the inode.
fingerprint() {
    while IFS= read -r run; do
        find "$work/killed/$run" -type f ! -name .lock -printf '%p %i %s %T@\n'
    done <"$1" | sort
}

# untimed NAME: everything but times, as one line a file. The last column of runs.csv and of metrics.csv is
# a time; checkpoint and summary.json hold times, too, and their other figures are in the tables.
untimed() {
    (
        cd "$work/$1"
        find . -type f ! -name '*.lock' ! -name checkpoint.safetensors ! -name summary.json | sort |
            while IFS= read -r file; do
                case $file in
                    */metrics.csv | ./runs.csv) printf '%s %s\n' "$(sed 's/,[^,]*$//' "$file" | sha256sum)" "$file" ;;
                    *) sha256sum "$file" ;;
                esac
            done | sed "s/ \+-\? *\.\// /"
    )
}

echo "== undisturbed"
start=$EPOCHREALTIME
(sweep whole)
seconds=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
total=$(complete whole | wc -l)
echo "$total runs of $steps steps: $seconds s"

echo "== killed $kills times"
: >"$work/over"
for ((kill = 1; kill <= kills; kill++)); do
    # Uniform, so that the kills together take three quarters of the time of one sweep.
    patience=$(awk -v r="$RANDOM" -v s="$seconds" -v n="$kills" \
        'BEGIN { printf "%.3f", 0.05 + 1.5 * s / (n + 1) * r / 32768 }')
    fingerprint "$work/over" >"$work/before"
    sweep killed >/dev/null 2>"$work/stderr" &
    sweep=$!
    sleep "$patience"
    if ! kill -KILL "$sweep"; then
        echo "error: the sweep was over before kill $kill: take more steps" >&2
        cat "$work/stderr" >&2
        exit 1
    fi
    wait "$sweep" 2>/dev/null || true
    fingerprint "$work/over" | cmp - "$work/before" # what was complete is as it was
    complete killed >"$work/over"
    unfinished=$(find "$work/killed" -name config.toml | wc -l)
    echo "kill $kill after $patience s: $(wc -l <"$work/over") runs complete," \
        "$((unfinished - $(wc -l <"$work/over"))) begun"
done

echo "== to the end"
fingerprint "$work/over" >"$work/before"
(sweep killed) | tee "$work/last"
fingerprint "$work/over" | cmp - "$work/before"
grep -q "$total of $total runs complete ($(wc -l <"$work/over") of them before), 0 failed" "$work/last"

echo "== compare"
untimed whole >"$work/whole.sums"
untimed killed >"$work/killed.sums"
cmp "$work/whole.sums" "$work/killed.sums"
for table in runs summary; do
    test -s "$work/killed/$table.csv"
done
test "$(wc -l <"$work/killed/runs.csv")" = $((total + 1))
echo "passed: $kills kills, $total runs, $(wc -l <"$work/whole.sums") files equal, none computed twice"
