#!/usr/bin/env bash
# Trains with one process a device; if one process dies, all of them end.
# Run it from the folder of this repository. Its arguments are those of train.py:
#
#   cluster/torchrun.sh --config configs/sngan_cifar.yaml
#
# For several machines start it on each, with the same three variables:
#
#   NNODES=2 RUN_ID=first-try RENDEZVOUS=node1:29400 cluster/torchrun.sh --config ...
#
# Also: NPROC_PER_NODE (default: one a GPU), MAX_RESTARTS (default: 0). See docs/cluster.md.
set -euo pipefail

if [ -x .venv/bin/python ]; then
  export PATH="$PWD/.venv/bin:$PATH" # the environment of README.md
fi
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"

processes="${NPROC_PER_NODE:-$(python -c 'import torch; print(torch.cuda.device_count())')}"
if [ "$processes" = 0 ]; then
  echo "torchrun.sh: error: no GPU found; set NPROC_PER_NODE=2 for two processes without a GPU." >&2
  exit 2
fi

rendezvous=(--rdzv-endpoint "${RENDEZVOUS:-localhost:0}")
if [ "${NNODES:-1}" = 1 ] && [ -z "${RENDEZVOUS:-}" ]; then
  rendezvous+=(--local-addr localhost) # works even if the machine's name does not resolve
fi

exec python -m torch.distributed.run \
  --nnodes "${NNODES:-1}" \
  --nproc-per-node "$processes" \
  --max-restarts "${MAX_RESTARTS:-0}" \
  --rdzv-backend c10d \
  "${rendezvous[@]}" \
  --rdzv-id "${RUN_ID:-$(date +%Y-%m-%d_%H-%M-%S)-$$}" \
  train.py "$@"
