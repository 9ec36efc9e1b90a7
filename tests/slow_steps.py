"""Callbacks that interrupt a training at a chosen step."""

import os
import select
import signal
from pathlib import Path
from typing import Any, final

from lightning import Callback, LightningModule, Trainer

__all__ = ["DeadlySteps", "StoppingStep", "WaitsForSignals"]

_SECONDS = 300.0  # beyond the limit of any test


@final
class WaitsForSignals(Callback):
    """Waits in chosen batches until a signal arrives, once in each batch.

    The signal thus arrives within that batch, however slow the machine is.

    Args:
        batches: pairs of an epoch and a batch, counted from 0.
        folder: in which each process leaves a file <epoch>-<batch>-<rank> when it waits.
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
    """Kills one process in the second epoch, as a system without free memory does.

    The file that it leaves prevents a second kill.
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
class StoppingStep(Callback):
    """Sends SIGTERM to its process within a given step, counted from 0."""

    def __init__(self, step: int) -> None:
        self._step = step

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == self._step:
            os.kill(os.getpid(), signal.SIGTERM)
