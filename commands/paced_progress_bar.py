"""A progress bar that costs a small network's training nothing to speak of."""

import time
from typing import Any, final

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import RichProgressBar

__all__ = ["PacedProgressBar"]

_PER_SECOND = 2  # drawing takes some milliseconds


@final
class PacedProgressBar(RichProgressBar):
    """Lightning's bar, brought up to date twice a second instead of after each batch.

    Lightning lays it out anew twice a batch and draws it a hundred times a second, which makes the
    steps of a small network up to a fifth slower in a terminal (benchmarks/peers_vae.py).
    """

    def __init__(self) -> None:
        super().__init__(refresh_rate=_PER_SECOND)
        self._due = 0.0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        now = time.monotonic()
        if now >= self._due or trainer.is_last_batch:
            self._due = now + 1 / _PER_SECOND
            super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)
