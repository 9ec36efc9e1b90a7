"""Looks at a generator of a toy distribution while it trains.

A module of its own: the command line names the callback, and what is run as a program has another
name than what is imported.
"""

import time
from typing import Any, ClassVar, NamedTuple, final

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor

from benchmarks.coverage import coverage
from datamodules.toy import AbstractModes

__all__ = ["NUM_POINTS", "Seen", "ToyWatch"]

NUM_POINTS = 10_000


class Seen(NamedTuple):
    """What a generator made at one moment; looking at it does not count as training time.

    Processor seconds are those of this process: what the run takes where nobody else computes.
    """

    seconds: float
    processor_seconds: float
    step: int
    modes: int
    share: float
    points: Tensor


@final
class ToyWatch(Callback):
    """Looks at the generator now and then; the command line names it, so its list is the class's.

    Args:
        every_seconds: of training time between two looks; only at the end if None.
    """

    seen: ClassVar[list[Seen]]

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
        found = coverage(points, distribution.modes, distribution.mode_std)
        self.seen.append(Seen(*self._spent, model.generator_step, *found, points))
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
