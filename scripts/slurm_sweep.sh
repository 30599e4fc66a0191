#!/usr/bin/env bash
# Runs a study on a Slurm cluster: scripts/slurm_sweep.sh STUDY N [options of compress sweep]
#
# Submits an array of N tasks, each with every N-th run, and a job that makes the tables when all tasks
# have ended. Tasks are queued again when they are preempted, lose their node or run out of time, and go
# on from their checkpoints. The study's directory (results/NAME, or --output DIR) must be one that all
# nodes share; the same command submitted again does what is left.
#
# What sbatch should know about your cluster goes into its own variables, as in
#   SBATCH_PARTITION=cpu SBATCH_TIMELIMIT=04:00:00 SBATCH_ACCOUNT=mine scripts/slurm_sweep.sh ...
# CPUS=n gives a task n cores and as many runs at a time (default 1); COMPRESS=... names the program.
set -euo pipefail

if (($# < 2)) || ! [[ $2 =~ ^[1-9][0-9]*$ ]]; then
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2
    exit 2
fi
scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
study=$(realpath "$1") tasks=$2
options=("${@:3}")
compress=${COMPRESS:-$scripts/../target/release/compress}
if ! [[ -x $compress ]]; then
    echo "error: $compress is no program: build it (cargo build --release), or set COMPRESS" >&2
    exit 2
fi
compress=$(realpath "$compress")

# A study that cannot run is refused here and not in the queue; the last line names its directory.
plan=$("$compress" sweep "$study" "${options[@]}" --dry-run) || exit
directory=$(sed -n 's/^[0-9]* of [0-9]* runs done in \(.*\); .*$/\1/p' <<<"$plan" | tail -n 1)
directory=$(realpath -m "$directory")
shared=() # the options without --output, which the tasks get as a full path
while ((${#options[@]})); do
    case ${options[0]} in
    --output) options=("${options[@]:2}") ;;
    --output=*) options=("${options[@]:1}") ;;
    *) shared+=("${options[0]}") options=("${options[@]:1}") ;;
    esac
done
name=$(basename "$study" .toml)
logs=$directory.slurm
mkdir -p "$logs"

array=$(sbatch --parsable --job-name="$name" --array="0-$((tasks - 1))" --cpus-per-task="${CPUS:-1}" \
    --requeue --open-mode=append --signal=B:USR1@120 --output="$logs/%A_%a.log" \
    "$scripts/slurm_task.sh" "$tasks" "$compress" sweep "$study" "${shared[@]}" --output "$directory")
array=${array%%;*}
collect=$(sbatch --parsable --job-name="$name-collect" --dependency="afterany:$array" \
    --open-mode=append --output="$logs/%A.log" \
    --wrap="$(printf '%q ' "$compress" sweep --collect "$directory")")
collect=${collect%%;*}

tail -n 1 <<<"$plan"
echo "array $array: $tasks tasks of ${CPUS:-1} cores, logs in $logs/${array}_*.log"
echo "collect $collect: after them, log in $logs/$collect.log"
echo "results: $directory"
