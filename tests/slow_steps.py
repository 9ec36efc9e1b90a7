"""Trainings that are disturbed on purpose, each at a chosen step."""

import os
import select
import signal
from pathlib import Path
from typing import Any, final

from lightning import Callback, LightningModule, Trainer

__all__ = ["DeadlySteps", "ToldToStop", "WaitsForSignals"]

_SECONDS = 300.0  # after which a test has failed anyway


@final
class WaitsForSignals(Callback):
    """Stands still in chosen batches until a signal that is listened to arrives, once in each.

    So it arrives within that batch, however slow the machine is.

    Args:
        batches: pairs of an epoch and a batch, counted from 0.
        folder: in which each process leaves a file <epoch>-<batch>-<rank> when it stands still.
    """

    def __init__(self, batches: list[list[int]], folder: str) -> None:
        self._batches, self._folder = batches, Path(folder)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        here = [trainer.current_epoch, batch_idx]
        file = self._folder / "-".join(map(str, [*here, trainer.global_rank]))
        if here in self._batches and not file.exists():
            receiver, sender = os.pipe()
            os.set_blocking(sender, False)
            before = signal.set_wakeup_fd(sender)
            file.touch()
            select.select([receiver], [], [], _SECONDS)
            signal.set_wakeup_fd(before)


@final
class DeadlySteps(Callback):
    """Kills one process in the second epoch, as a system that is out of memory does, but once.

    Then the file is there.
    """

    def __init__(self, rank: int, batch_idx: int, file: str) -> None:
        self._rank, self._batch_idx = rank, batch_idx
        self._file = Path(file)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        here = (trainer.global_rank, trainer.current_epoch, batch_idx)
        if here == (self._rank, 1, self._batch_idx) and not self._file.exists():
            self._file.touch()
            os.kill(os.getpid(), signal.SIGKILL)


@final
class ToldToStop(Callback):
    """Sends SIGTERM to its own process within a step, which is counted from 0."""

    def __init__(self, step: int) -> None:
        self._step = step

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == self._step:
            os.kill(os.getpid(), signal.SIGTERM)
