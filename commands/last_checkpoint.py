"""Keeps what a run goes on from."""

from pathlib import Path
from typing import final

from lightning.pytorch.callbacks import ModelCheckpoint

__all__ = ["LastCheckpoint"]


@final
class LastCheckpoint(ModelCheckpoint):
    """Writes last.ckpt after each epoch, once its samples have been drawn.

    Args:
        dirpath: folder of checkpoints.
    """

    def __init__(self, dirpath: Path) -> None:
        super().__init__(
            dirpath=dirpath,
            filename="last",
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )

    @property
    def state_key(self) -> str:
        return type(self).__name__  # the user may have a ModelCheckpoint that is configured alike
