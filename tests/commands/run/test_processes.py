"""Processes that are missing, cannot connect, or are lost."""

import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch.distributed as dist
from lightning import Callback
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.strategies import DDPStrategy, SingleDeviceStrategy, Strategy

from commands.errors import UsageError
from commands.run.cluster_job import ClusterJob
from commands.run.processes import check_copies, check_processes, lost_process
from tests.free_ports import free_ports
from tests.helpers import TinyImages, quiet_trainer, tiny_energy_vae, tiny_sngan


@pytest.mark.parametrize("arguments", [{"devices": 1}, {"devices": 2}, {"devices": 4}])
def test_a_job_of_other_processes_is_refused(arguments: dict[str, int], tmp_path: Path) -> None:
    trainer = quiet_trainer(tmp_path, **arguments)
    with pytest.raises(UsageError, match=r"3 processes on each of 2 nodes, got \d and 1; leave"):
        check_processes(trainer, ClusterJob("slurm-1", 0, 3, 2, "slurm 1"))
    check_processes(trainer, ClusterJob("slurm-1", 0, arguments["devices"], 1, "slurm 1"))


def test_a_port_in_use_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        [port] = free_ports(1)
        other.bind(("", port))
        other.listen()
        monkeypatch.setenv("MASTER_PORT", str(port))
        with pytest.raises(UsageError, match=rf"port {port} for .*in use\); set MASTER_PORT"):
            check_processes(quiet_trainer(tmp_path, devices=2, strategy="ddp"), None)
        check_processes(quiet_trainer(tmp_path), None)  # a single process opens none
    check_processes(quiet_trainer(tmp_path, devices=2, strategy="ddp"), None)


@pytest.mark.parametrize("strategy", [SingleDeviceStrategy(), DDPStrategy()])
def test_a_strategy_without_a_port_is_refused(strategy: Strategy) -> None:
    trainer: Any = SimpleNamespace(num_devices=2, num_nodes=1, world_size=2, strategy=strategy)
    with pytest.raises(
        UsageError, match=r"must connect 2 processes by a port, .*, got \w+Strategy; leave it out"
    ):
        check_processes(trainer, None)


CLOSED = RuntimeError("[gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:1")


@pytest.mark.parametrize(
    "error",
    [
        CLOSED,
        RuntimeError("[gloo/transport/tcp/pair.cc:545] Read error: Connection reset by peer"),
        dist.DistNetworkError("Failed to recv, got 0 bytes. Connection was likely closed. Did"),
        dist.DistStoreError("wait timeout after 300000ms, keys: /default_pg/0//cpu//0/rank_1"),
        dist.DistBackendError("NCCL communicator was aborted on rank 1"),
        dist.DistBackendError(
            "NCCL error in: NCCLUtils.cpp:77, remote process exited or there was a network error"
        ),
    ],
)
@pytest.mark.parametrize("several", ["WORLD_SIZE", "SLURM_NTASKS"])
def test_a_lost_process_is_reported(
    error: RuntimeError, several: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(several, "2")
    line = lost_process(error)
    assert line is not None
    assert line.startswith("another process of this run is gone: killed, out of memory,")


def test_a_single_process_has_lost_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORLD_SIZE", "SLURM_NTASKS"):
        monkeypatch.setenv(name, "1")
    assert lost_process(CLOSED) is None


def test_a_port_taken_after_the_check_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASTER_PORT", "15041")
    error = dist.DistNetworkError("failed to listen. port: 15041, code: -98, name: EADDRINUSE")
    assert lost_process(error) == (
        "the port 15041 is in use; set MASTER_PORT to a free one and start again."
    )


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
        RuntimeError("the decoder of images ended: Broken pipe"),
        dist.DistBackendError(
            "NCCL error in: ProcessGroupNCCL.cpp:94, invalid usage (run with NCCL_DEBUG=WARN for "
            "details) Duplicate GPU detected : rank 1 and rank 0 both on CUDA device 1000"
        ),
        dist.DistBackendError("NCCL error in: NCCLUtils.cpp:94, unhandled cuda error"),
    ],
)
def test_other_errors_are_not_explained(
    error: RuntimeError, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert lost_process(error) is None


class HoldsAFunction(Callback):
    """A callback that cannot be pickled."""

    def __init__(self) -> None:
        self.scale = lambda x: 2 * x


class HoldsTheTrainer(Callback):
    """Holds the trainer, as progress bars do; copying would start its loggers."""

    def setup(self, trainer: Any, *_: Any) -> None:
        self.trainer = trainer


@pytest.mark.parametrize("strategy", ["ddp_spawn", "ddp_spawn_find_unused_parameters_true"])
def test_parts_that_cannot_be_copied_are_refused(strategy: str, tmp_path: Path) -> None:
    def check(model: Any, *callbacks: Callback, strategy: str = strategy) -> None:
        options = {"devices": 2, "strategy": strategy, "callbacks": [*callbacks]}
        trainer = quiet_trainer(tmp_path, **options, logger=CSVLogger(tmp_path))
        for callback in callbacks:
            callback.setup(trainer, model, "fit")
        check_copies(trainer, model, TinyImages())

    check(tiny_energy_vae(), HoldsTheTrainer())
    with pytest.raises(UsageError, match=r"must not copy SNGAN to other processes, .* name ddp"):
        check(tiny_sngan())
    with pytest.raises(UsageError, match=r"must not copy HoldsAFunction to other processes"):
        check(tiny_energy_vae(), HoldsAFunction())
    for other in ("ddp", "ddp_fork"):
        check(tiny_sngan(), HoldsAFunction(), strategy=other)
    assert not list(tmp_path.iterdir())
