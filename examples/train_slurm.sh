#!/bin/sh
# Train in a job of Slurm, on 1 GPU, on 8 GPUs of a machine, or on several machines.
#
#     sbatch --gpus-per-node=1 examples/train_slurm.sh spotting/regnety_bilstm --data /shared/club
#     sbatch --gpus-per-node=8 examples/train_slurm.sh spotting/regnety_bilstm --data /shared/club
#     sbatch --nodes=2 --gpus-per-node=8 examples/train_slurm.sh spotting/regnety_bilstm --data /shared/club
#
# All words after the script are those of `onball train`. Data, caches and run are on storage that all
# machines share; the run may be on a store (--out s3://bucket/run). A job that is preempted or loses a machine
# is queued again, and continues; one that reaches its time continues when it is submitted again. (--resume
# begins a run that is not there.)
#SBATCH --job-name=onball
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=onball-%j.log
set -eu
gpus=${SLURM_GPUS_ON_NODE:-1}
nodes=${SLURM_JOB_NUM_NODES:-1}
first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
# One torchrun on each machine starts a process per GPU. If one ends, Slurm ends those of the other machines.
port=$((20000 + SLURM_JOB_ID % 20000))
# Since version 22.05, srun does not take the CPUs of a task from its job.
exec srun --kill-on-bad-exit=1 --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" torchrun \
    --nnodes "$nodes" --nproc_per_node "$gpus" \
    --rdzv_id "$SLURM_JOB_ID" --rdzv_backend c10d --rdzv_endpoint "$first:$port" \
    -m onball.cli.main train "$@" --resume
