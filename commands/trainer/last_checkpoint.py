"""Keeps the checkpoint from which a run is resumed."""

from pathlib import Path
from typing import final

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

__all__ = ["LastCheckpoint"]


@final
class LastCheckpoint(ModelCheckpoint):
    """Writes last.ckpt after each epoch, when its images have been sampled.

    Its `best_model_path` is that of the callback that monitors a metric, empty without one. W&B
    gives that file the alias "best", which must not be the last weights.

    Args:
        dirpath: folder of checkpoints.
    """

    def __init__(self, dirpath: Path) -> None:
        super().__init__(
            dirpath=dirpath,
            filename="last",
            save_top_k=0,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )

    @property
    def state_key(self) -> str:
        # the default is that of a user's ModelCheckpoint with the same settings
        return type(self).__name__

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.fast_dev_run:
            return
        for callback in trainer.checkpoint_callbacks:
            if isinstance(callback, ModelCheckpoint) and callback.monitor is not None:
                self.best_model_path = callback.best_model_path
                self.best_model_score = callback.best_model_score
                break
        self.last_model_path = self.format_checkpoint_name({})
        trainer.save_checkpoint(self.last_model_path, weights_only=False)
        if trainer.is_global_zero:
            for logger in trainer.loggers:
                logger.after_save_checkpoint(self)
