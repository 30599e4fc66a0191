#!/usr/bin/env bash
# One task of the job array that slurm_sweep.sh submits: slurm_task.sh N COMMAND..., where COMMAND is a
# `compress sweep` without its shard.
#
# When a task is preempted, requeued or cancelled, Slurm sends SIGTERM to every process of it: compress
# writes checkpoints and stops. This shell only waits for that: a second SIGTERM, passed on from here,
# would make compress stop at once. SIGUSR1 comes to this shell alone, two minutes before the time limit:
# stop, and queue this task again.
set -u
shards=$1
shift
"$@" --shard "$SLURM_ARRAY_TASK_ID/$shards" --jobs "${SLURM_CPUS_PER_TASK:-1}" &
child=$!
out_of_time=0
trap : TERM INT
trap 'out_of_time=1; kill -TERM "$child" 2>/dev/null' USR1
# A trap ends `wait` early: wait until the process is gone.
while wait "$child"; status=$?; kill -0 "$child" 2>/dev/null; do :; done
if ((out_of_time && status == 130)); then
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
fi
exit "$status"
