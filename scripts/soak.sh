#!/usr/bin/env bash
# Does anything grow? One run of 20 million steps and one sweep of 2 000 short runs, watched from outside:
# memory, open files, threads and speed at start, middle and end, as a table. Fails if memory, files or threads
# grow by more than the bounds in scripts/soak.py; speed is printed, and never judged. soak.sh takes a quarter
# of an hour on two cores, soak.sh --short (400 000 steps, 60 runs) half a minute. COMPRESS=... names the program
# (default: target/release/compress, built if need be), JOBS=... the sweep's jobs. Needs Linux's /proc and
# Python 3.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [[ -z ${COMPRESS:-} ]]; then
    (cd "$root" && cargo build --release --quiet)
    COMPRESS=$root/target/release/compress
fi
COMPRESS=$COMPRESS exec python3 "$root/scripts/soak.py" "$@"
