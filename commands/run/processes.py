"""The processes of one run: are there as many as were asked for, can they meet, is one lost?"""

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
    """Raises UsageError if the run would wait for processes that there are not, or cannot meet.

    Args:
        trainer: of the run.
        job: that the processes belong to; None if this process starts the others.
    """
    asked = (trainer.num_devices, trainer.num_nodes)
    if job is not None and asked != (job.devices, job.nodes):
        raise UsageError(
            "`trainer.devices` and `trainer.num_nodes` must be what the job was started with, "
            f"{job.devices} processes on each of {job.nodes} nodes, got {asked[0]} and {asked[1]}; "
            "leave them out."
        )
    # an agent of torchrun has already opened the port for its processes
    if trainer.world_size > 1 and not dist.is_torchelastic_launched():
        _check_port(trainer)


def check_copies(trainer: Trainer, model: LightningModule, data: LightningDataModule) -> None:
    """Raises UsageError if a strategy must send what cannot be sent to the processes it starts."""
    launcher = trainer.strategy.launcher
    # names are private; tests/commands/run/test_processes.py fails if they go
    if not isinstance(launcher, _MultiProcessingLauncher) or launcher._start_method == "fork":
        return
    for part in (model, data, *trainer.callbacks):
        try:
            _Copying(io.BytesIO()).dump(part)
        except Exception as error:  # what an object raises that cannot be pickled has no base
            raise UsageError(
                "`trainer.strategy` must start processes by this command, as ddp does, for "
                f"{type(part).__name__}, which cannot be copied to them "
                f"({str(error).partition('. ')[0]:.200}); leave it out or name ddp."
            ) from error


@final
class _Copying(pickle.Pickler):
    """Pickles a part of a run, but not the trainer and its loggers, which start when pickled."""

    def persistent_id(self, obj: object) -> str | None:
        return type(obj).__name__ if isinstance(obj, (Trainer, Logger)) else None


def lost_process(error: RuntimeError) -> str | None:
    """Returns one line about an error of this process that another one is the reason of.

    None for any other error, also one of the library by which processes talk.
    """
    said = " ".join(str(error).split())
    if re.search(r"EADDRINUSE|address already in use", said):
        port = os.environ.get("MASTER_PORT", "on which processes meet")
        return f"the port {port} is in use; set MASTER_PORT to a free one and start again."
    is_of_talk = isinstance(error, dist.DistError) or "gloo" in said.lower()
    found = re.search(_LOST, said, re.IGNORECASE) if is_of_talk and _has_others() else None
    if found is None:
        return None
    return (
        "another process of this run is gone: killed, out of memory, ended by an error of its "
        "own that stands above, or its node is down; start again from the last checkpoint "
        f"({found[0]})."
    )


# what gloo, the store by which processes find each other, and NCCL say when a peer is not there
_LOST = (
    r"connection (closed|reset) by peer|broken pipe|socket closed|connectFullMesh|"
    r"application timeout caused pair closure|connection was likely closed|"
    r"timed out (waiting|connecting|after)|(wait timeout|socket has timed out) after|"
    r"collective operation timeout|communicator was aborted|remote process exit"
)


def _has_others() -> bool:
    """Returns whether this run has several processes, also where they have not met."""
    if dist.is_initialized():
        return dist.get_world_size() > 1
    return any(int(os.environ.get(name, 1)) > 1 for name in ("WORLD_SIZE", "SLURM_NTASKS"))


def _check_port(trainer: Trainer) -> None:
    strategy = trainer.strategy
    environment = strategy.cluster_environment if isinstance(strategy, ParallelStrategy) else None
    if environment is None:
        raise UsageError(
            "`trainer.strategy` must be one whose processes meet at a port, such as ddp, for "
            f"{trainer.world_size} processes, got {type(strategy).__name__}; leave it out."
        )
    port = environment.main_port
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as torch does
        try:
            probe.bind(("", port))
        except OSError as error:
            raise UsageError(
                f"the port {port}, on which the processes of this run would meet, cannot be "
                f"opened ({error.strerror}); set MASTER_PORT to a free one, or unset it."
            ) from error
