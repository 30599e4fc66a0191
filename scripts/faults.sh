#!/usr/bin/env bash
# What a machine does to a batch, done to `compress` on purpose: full disks, kills at every system call that
# writes, damaged checkpoints, lost terminals and more. Each fault must end with a message and an exit code,
# and the same command afterwards must leave the bytes of a run that nothing disturbed. faults/__main__.py
# lists the faults; a table of all of them ends the output.
#
# faults.sh                   a sample of each fault: three or four minutes on two cores
# faults.sh --long [N]        ten times as many (every writing call of a run), and N random kills (200 if not given)
#                             of a sweep of 242 runs
# faults.sh --only PATTERN    the faults whose name matches a regular expression
#
# COMPRESS=... names the program (default: target/release/compress, built if need be), SEED=... the random
# moments. As root on Debian or Ubuntu it installs what it lacks and leaves no fault out; elsewhere it says
# which ones it leaves out, and why.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [[ -z ${COMPRESS:-} ]]; then
    (cd "$root" && cargo build --release --quiet)
    COMPRESS=$root/target/release/compress
fi
if ! command -v strace >/dev/null && [[ $EUID -eq 0 ]]; then
    apt-get install -y -qq strace >/dev/null || { apt-get update -qq && apt-get install -y -qq strace >/dev/null; }
fi
exec env COMPRESS="$COMPRESS" PYTHONDONTWRITEBYTECODE=1 python3 "$root/scripts/faults" "$@"
