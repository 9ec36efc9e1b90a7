"""A training slow enough to be disturbed on purpose."""

import os
import signal
import time
from pathlib import Path
from typing import Any, final

from lightning import Callback, LightningModule, Trainer

__all__ = ["DeadlySteps", "SlowSteps", "ToldToStop"]


@final
class SlowSteps(Callback):
    """Waits before each step, in seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def on_train_batch_start(self, *_: Any) -> None:
        time.sleep(self._seconds)


@final
class DeadlySteps(Callback):
    """Kills one process in the second epoch, as a system that is out of memory does, but once.

    The file says when: seconds since 1970.
    """

    def __init__(self, rank: int, batch_idx: int, file: str) -> None:
        self._rank, self._batch_idx = rank, batch_idx
        self._file = Path(file)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        here = (trainer.global_rank, trainer.current_epoch, batch_idx)
        if here == (self._rank, 1, self._batch_idx) and not self._file.exists():
            self._file.write_text(str(time.time()))
            os.kill(os.getpid(), signal.SIGKILL)


@final
class ToldToStop(Callback):
    """Sends SIGTERM to its own process within a step, which is counted from 0."""

    def __init__(self, step: int) -> None:
        self._step = step

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == self._step:
            os.kill(os.getpid(), signal.SIGTERM)
