#!/usr/bin/env bash
# Trains with one process a device; if one of them dies, all of them end.
# Run it from the folder of this repository; its arguments are those of train.py:
#
#   cluster/torchrun.sh --config configs/sngan_cifar.yaml
#
# For several machines start it on each of them, with the same three variables:
#
#   NNODES=2 RUN_ID=first-try RENDEZVOUS=node1:29400 cluster/torchrun.sh --config ...
#
# NPROC_PER_NODE (default: one a GPU), MAX_RESTARTS (default 0). docs/cluster.md says more.
set -euo pipefail

if [ -x .venv/bin/python ]; then
  export PATH="$PWD/.venv/bin:$PATH" # the environment that README makes
fi
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"

processes="${NPROC_PER_NODE:-$(python -c 'import torch; print(torch.cuda.device_count())')}"
if [ "$processes" = 0 ]; then
  echo "torchrun.sh: error: there is no GPU here; NPROC_PER_NODE=2 starts two processes without." >&2
  exit 2
fi

meeting=(--rdzv-endpoint "${RENDEZVOUS:-localhost:0}")
if [ "${NNODES:-1}" = 1 ] && [ -z "${RENDEZVOUS:-}" ]; then
  meeting+=(--local-addr localhost) # the machine need not be found by its own name
fi

exec python -m torch.distributed.run \
  --nnodes "${NNODES:-1}" \
  --nproc-per-node "$processes" \
  --max-restarts "${MAX_RESTARTS:-0}" \
  --rdzv-backend c10d \
  "${meeting[@]}" \
  --rdzv-id "${RUN_ID:-$(date +%Y-%m-%d_%H-%M-%S)-$$}" \
  train.py "$@"
