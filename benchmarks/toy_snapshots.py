"""Snapshots of a generator of a toy distribution during its training.

The callback is in a separate module, because the command line names it: the module of a running
program has another name than an imported one.
"""

import time
from typing import Any, ClassVar, NamedTuple, final

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor

from benchmarks.coverage import coverage
from datamodules.toy import AbstractModes

__all__ = ["NUM_POINTS", "Snapshot", "ToySnapshots"]

NUM_POINTS = 10_000


class Snapshot(NamedTuple):
    """Generated points at one moment; the time of the snapshot is no training time.

    Processor seconds are those of this process, the time of the run on an idle machine.
    """

    seconds: float
    processor_seconds: float
    step: int
    modes: int
    share: float
    points: Tensor


@final
class ToySnapshots(Callback):
    """Takes snapshots; the command line names it, so the list belongs to the class.

    Args:
        every_seconds: of training time between two snapshots; only at the end if None.
    """

    snapshots: ClassVar[list[Snapshot]]

    def __init__(self, every_seconds: float | None = None) -> None:
        self._every = every_seconds
        self._next = every_seconds
        self._spent = self._resumed = (0.0, 0.0)  # wall and processor seconds

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._resumed = _clocks()

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        if self._next is not None and self._now()[0] >= self._next:
            self._next += self._every
            self._look(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._look(trainer, pl_module)

    @torch.no_grad()
    def _look(self, trainer: Trainer, model: Any) -> None:
        self._spent = self._now()
        distribution: AbstractModes = trainer.datamodule
        generator = torch.Generator().manual_seed(0)
        points = model.decode(model.prior.sample(NUM_POINTS, generator=generator))
        statistics = coverage(points, distribution.modes, distribution.mode_std)
        self.snapshots.append(Snapshot(*self._spent, model.generator_step, *statistics, points))
        self._resumed = _clocks()

    def _now(self) -> tuple[float, float]:
        """Returns the wall and processor seconds of training so far."""
        wall, processor = (
            spent + now - then
            for spent, now, then in zip(self._spent, _clocks(), self._resumed, strict=True)
        )
        return wall, processor


def _clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()
