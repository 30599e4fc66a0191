#!/usr/bin/env bash
# Tests scripts/slurm_sweep.sh on a real Slurm: a cluster of one node on loopback, a small study as an
# array of four tasks, one of which is requeued while it runs, and the node lost once. The collected
# tables must be, byte for byte (timing aside), those of a run without Slurm.
#
# Needs root and a Debian or Ubuntu; installs slurm-wlm if it is not there. COMPRESS=... names the program
# (default: target/release/compress, built if need be).
set -euo pipefail

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$scripts/.." && pwd)
work=$(mktemp -d)
export SLURM_CONF=$work/slurm.conf
controller='' node='' passed=0
pass() { passed=$((passed + 1)); }

# Processes of the node besides slurmd: those with this cluster in their environment that belong to a job.
job_processes() {
    local process
    for process in /proc/[0-9]*; do
        if [[ $(cat "$process/comm" 2>/dev/null) == slurmstepd ]] ||
            grep -qz '^SLURM_JOB_ID=' "$process/environ" 2>/dev/null; then
            grep -qzF "SLURM_CONF=$SLURM_CONF" "$process/environ" 2>/dev/null && basename "$process"
        fi
    done
    return 0
}
cleanup() {
    local status=$? process
    set +e # a daemon that is gone already must not turn a passed test into a failed one
    if ((status != 0)); then
        echo "FAILED; the daemons' last words:" >&2
        tail -n 15 "$work"/*.log "$work"/slurm/*.log "$work"/*.slurm/*.log >&2 2>/dev/null || true
    fi
    [[ -n $controller ]] && scontrol shutdown 2>/dev/null
    for process in $(job_processes) $node $controller; do
        kill -9 "$process" 2>/dev/null
    done
    wait 2>/dev/null
    rm -rf "$work"
    exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# until_true SECONDS WHAT COMMAND...: waits, and fails if it takes longer.
until_true() {
    local end=$((SECONDS + $1))
    until "${@:3}"; do
        if ((SECONDS > end)); then
            echo "error: waited $1 s for: $2" >&2
            return 1
        fi
        sleep 0.2
    done
}
start_node() {
    slurmd -D -N localhost >>"$work/slurmd.out.log" 2>&1 &
    node=$!
}
node_is() { [[ $(sinfo -h -o %T) == $1 ]]; } # a pattern
queue_is_empty() { [[ -z $(squeue -h) ]]; }
restarts() { scontrol show job "$1" | sed -n 's/.*Restarts=\([0-9]*\).*/\1/p' | head -n 1; }

if ! command -v slurmctld >/dev/null || ! command -v slurmd >/dev/null; then
    echo "== install Slurm"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends slurm-wlm >"$work/apt.log" 2>&1 ||
        { cat "$work/apt.log" >&2; exit 1; }
fi
if [[ -z ${COMPRESS:-} ]]; then
    (cd "$root" && cargo build --release --quiet)
    export COMPRESS=$root/target/release/compress
fi

echo "== start a cluster of one node"
port=$((20000 + ($$ * 2) % 20000))
mkdir "$work/state" "$work/spool"
cat >"$SLURM_CONF" <<CONF
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
AuthInfo=cred_expire=5
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
SlurmdTimeout=10
KillWait=5
NodeName=localhost NodeAddr=127.0.0.1 CPUs=2 Sockets=1 CoresPerSocket=2 ThreadsPerCore=1
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
slurmctld -D -i >"$work/slurmctld.out.log" 2>&1 &
controller=$!
controller_answers() { scontrol ping 2>/dev/null | grep -q UP; }
until_true 30 "the controller" controller_answers
start_node
until_true 30 "the node to be idle" node_is 'idle*'

# Eight runs of some seconds, long enough to be disturbed.
cat >"$work/small.toml" <<STUDY
name = "small"
question = "Does a cluster compute what one machine computes?"
base = "$root/configs/frac_prevs.toml"

[grid]
"compression.dim" = [6, 8]
"training.seed" = { from = 0, count = 4 }

[override.training]
steps = 40000
log_every = 1000
checkpoint_every = 1000
STUDY

echo "== submit the study as an array of four tasks"
submitted=$("$scripts/slurm_sweep.sh" "$work/small.toml" 4 --output "$work/slurm" --quiet)
echo "$submitted"
array=$(sed -n 's/^array \([0-9]*\):.*/\1/p' <<<"$submitted")

echo "== requeue a running task"
is_training() { [[ -e $work/slurm/dim=6,seed=0/checkpoint.safetensors ]]; } # task 0's first run
until_true 60 "a checkpoint" is_training
scontrol requeue "${array}_0"
log=$work/slurm.slurm/${array}_0.log
has_checkpointed() { grep -q 'stopped, .* runs complete' "$log" 2>/dev/null; }
until_true 30 "the task to checkpoint and stop" has_checkpointed
was_requeued() { [[ $(restarts "${array}_0") == 1 ]]; }
until_true 30 "the task to be queued again" was_requeued
grep 'stopped, ' "$log"
cp "$work/slurm/dim=6,seed=0/metrics.csv" "$work/before.csv"
pass

echo "== lose the node"
has_two_tasks() { (($(squeue -h -t RUNNING | wc -l) == 2)); }
until_true 60 "two running tasks" has_two_tasks
sleep 2
kill -9 "$node" $(job_processes) 2>/dev/null || true
wait "$node" 2>/dev/null || true
until_true 60 "the loss to be noticed" node_is 'down*'
unfinished=$(find "$work/slurm" -name checkpoint.safetensors | wc -l)
finished=$(find "$work/slurm" -name summary.json | wc -l)
echo "runs begun: $unfinished, finished: $finished"
((unfinished > finished))
start_node
pass

echo "== wait for the array and the collect job"
until_true 300 "the queue to empty" queue_is_empty
tail -n 2 "$work/slurm.slurm/"*.log

# The requeued run went on: what it had logged is there still, with its times.
head -c "$(stat -c %s "$work/before.csv")" "$work/slurm/dim=6,seed=0/metrics.csv" | cmp - "$work/before.csv"
pass

echo "== compare with a run without Slurm"
"$COMPRESS" sweep "$work/small.toml" --output "$work/local" --quiet
for place in slurm local; do
    sed 's/,[^,]*$//' "$work/$place/runs.csv" >"$work/$place.runs.csv" # the last column is the time
    test "$(wc -l <"$work/$place/runs.csv")" = 9
done
cmp "$work/slurm.runs.csv" "$work/local.runs.csv"
cmp "$work/slurm/summary.csv" "$work/local/summary.csv"
pass
echo "$passed passed, 0 failed"
