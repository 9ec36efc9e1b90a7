"""Checks the processes of a run and recognizes a lost one."""

import io
import os
import pickle
import re
import socket
from typing import final

import torch.distributed as dist
from lightning import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.loggers import Logger
from lightning.pytorch.strategies import ParallelStrategy
from lightning.pytorch.strategies.launchers import _MultiProcessingLauncher

from commands.errors import UsageError
from commands.run.cluster_job import ClusterJob

__all__ = ["check_copies", "check_processes", "lost_process"]


def check_processes(trainer: Trainer, job: ClusterJob | None) -> None:
    """Raises UsageError for a wrong number of processes, or a port in use.

    Args:
        trainer: of the run.
        job: that the processes belong to, or None if this process starts the others.
    """
    requested = (trainer.num_devices, trainer.num_nodes)
    if job is not None and requested != (job.devices, job.nodes):
        raise UsageError(
            "`trainer.devices` and `trainer.num_nodes` must be those of the job, "
            f"{job.devices} processes on each of {job.nodes} nodes, got {requested[0]} and "
            f"{requested[1]}; leave them out."
        )
    # torchrun's agent has already opened the port
    if trainer.world_size > 1 and not dist.is_torchelastic_launched():
        _check_port(trainer)


def check_copies(trainer: Trainer, model: LightningModule, data: LightningDataModule) -> None:
    """Raises UsageError if a strategy copies objects that cannot be copied."""
    launcher = trainer.strategy.launcher
    # private: docs/private-names.md
    if not isinstance(launcher, _MultiProcessingLauncher) or launcher._start_method == "fork":
        return
    for part in (model, data, *trainer.callbacks):
        try:
            _Copying(io.BytesIO()).dump(part)
        except Exception as error:  # errors of pickling have no common base
            raise UsageError(
                f"`trainer.strategy` must not copy {type(part).__name__} to other processes, since "
                f"it cannot be copied ({str(error).partition('. ')[0]:.200}); name ddp."
            ) from error


@final
class _Copying(pickle.Pickler):
    """Pickles a part of a run without trainer and loggers: pickling starts a logger."""

    def persistent_id(self, obj: object) -> str | None:
        return type(obj).__name__ if isinstance(obj, (Trainer, Logger)) else None


def lost_process(error: RuntimeError) -> str | None:
    """Returns a line if an error was caused by the loss of another process, or None."""
    message = " ".join(str(error).split())
    if re.search(r"EADDRINUSE|address already in use", message):
        port = os.environ.get("MASTER_PORT", "of this run's processes")
        return f"the port {port} is in use; set MASTER_PORT to a free one and start again."
    is_distributed = isinstance(error, dist.DistError) or "gloo" in message.lower()
    found = re.search(_LOST, message, re.IGNORECASE) if is_distributed and _has_others() else None
    if found is None:
        return None
    return (
        "another process of this run is gone: killed, out of memory, ended by an error shown "
        "above, or its node is down; start again from the last checkpoint "
        f"({found[0]})."
    )


# messages of gloo, torch's store and NCCL about a missing peer
_LOST = (
    r"connection (closed|reset) by peer|broken pipe|socket closed|connectFullMesh|"
    r"application timeout caused pair closure|connection was likely closed|"
    r"timed out (waiting|connecting|after)|(wait timeout|socket has timed out) after|"
    r"collective operation timeout|communicator was aborted|remote process exit"
)


def _has_others() -> bool:
    """Returns whether this run has several processes, connected or not."""
    if dist.is_initialized():
        return dist.get_world_size() > 1
    return any(int(os.environ.get(name, 1)) > 1 for name in ("WORLD_SIZE", "SLURM_NTASKS"))


def _check_port(trainer: Trainer) -> None:
    strategy = trainer.strategy
    environment = strategy.cluster_environment if isinstance(strategy, ParallelStrategy) else None
    if environment is None:
        raise UsageError(
            f"`trainer.strategy` must connect {trainer.world_size} processes by a port, as ddp "
            f"does, got {type(strategy).__name__}; leave it out."
        )
    port = environment.main_port
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as torch does
        try:
            probe.bind(("", port))
        except OSError as error:
            raise UsageError(
                f"the port {port} for the processes of this run cannot be opened "
                f"({error.strerror}); set MASTER_PORT to a free one, or unset it."
            ) from error
