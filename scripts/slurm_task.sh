#!/usr/bin/env bash
# One task of the job array that slurm_sweep.sh submits: slurm_task.sh N COMMAND..., where COMMAND is a
# `compress sweep` without its shard.
#
# SIGTERM (the task is preempted, requeued or cancelled) goes on to compress, which writes checkpoints
# and stops. SIGUSR1 comes two minutes before the time limit: checkpoint, and queue this task again.
set -u
shards=$1
shift
"$@" --shard "$SLURM_ARRAY_TASK_ID/$shards" --jobs "${SLURM_CPUS_PER_TASK:-1}" &
child=$!
out_of_time=0
trap 'kill -TERM "$child" 2>/dev/null' TERM INT
trap 'out_of_time=1; kill -TERM "$child" 2>/dev/null' USR1
# A trap ends `wait` early: wait until the process is gone.
while wait "$child"; status=$?; kill -0 "$child" 2>/dev/null; do :; done
if ((out_of_time && status == 130)); then
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
fi
exit "$status"
