"""Time and speed of training epochs."""

import time
from typing import Any, final

from lightning import Callback, LightningModule, Trainer

__all__ = ["EpochTimer"]


@final
class EpochTimer(Callback):
    """Logs time/epoch_seconds and time/steps_per_second of each training epoch.

    An epoch is timed from its start to the end of its last batch. Validation, images and
    checkpoints at its end do not count. A step is a batch. In a resumed run the first epoch may be
    incomplete.
    """

    def __init__(self) -> None:
        self._start = self._end = 0.0
        self._steps = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._restart()  # a run resumed within an epoch gets no on_train_epoch_start

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._restart()

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        self._end = time.perf_counter()
        self._steps += 1

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self._steps:  # resumed after the last batch
            return
        seconds = self._end - self._start
        times = {
            "time/epoch_seconds": seconds,
            "time/steps_per_second": self._steps / seconds,
        }
        pl_module.log_dict(times, rank_zero_only=True)

    def _restart(self) -> None:
        self._start, self._steps = time.perf_counter(), 0
