"""Keeps the weights with the smallest validation loss, beside the last ones.

A diverging loss may grow to 1e30 before it is NaN. Its weights are finite and replace last.ckpt;
best.ckpt stays usable.
"""

from pathlib import Path
from typing import final

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

__all__ = ["BestCheckpoint"]

_METRIC = "val/loss"


@final
class BestCheckpoint(ModelCheckpoint):
    """Writes best.ckpt after each validation with the smallest val/loss of the run.

    Does nothing for a model that does not log val/loss, or without validation data.

    Args:
        dirpath: folder of checkpoints.
    """

    def __init__(self, dirpath: Path) -> None:
        super().__init__(
            dirpath=dirpath,
            filename="best",
            monitor=_METRIC,
            save_on_train_epoch_end=False,  # saves after a validation instead
            enable_version_counter=False,
        )
        self._state_key = super().state_key  # Lightning builds it anew for every hook

    @property
    def state_key(self) -> str:
        return self._state_key

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if _METRIC in trainer.callback_metrics:
            super().on_validation_end(trainer, pl_module)
