#!/bin/sh
# Train on one machine with 1, 8 or any number of GPUs.
#
#     examples/train_torchrun.sh 1 spotting/regnety_bilstm --data data/club
#     examples/train_torchrun.sh 8 spotting/regnety_bilstm --data data/club
#     examples/train_torchrun.sh 8 runs/regnety_bilstm --resume
#
# The first word is the number of GPUs; all others are those of `onball train`. Each GPU computes
# training.batch_size clips of a step: with 8 GPUs, --set training.batch_size=N/8 keeps a step of N clips.
set -eu
gpus=$1
shift
exec torchrun --standalone --nproc_per_node "$gpus" -m onball.cli.main train "$@"
