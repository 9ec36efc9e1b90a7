"""Ends a run whose folder was removed or renamed, instead of writing into a new one."""

import os
import weakref
from pathlib import Path
from typing import Any, final

from lightning import Callback, LightningModule, Trainer

__all__ = ["RunFolderCheck", "RunFolderLostError", "check_run_folder"]


class RunFolderLostError(RuntimeError):
    """The folder of a run was removed, renamed or replaced during the run."""


@final
class RunFolderCheck(Callback):
    """Checks that a run's folder is still the one in which the run has begun.

    It is checked before each validation, before the end of each epoch, and before each checkpoint
    and each image. An error of a file is replaced by the one about the folder. Only the first
    process checks, since it writes all files.
    """

    def __init__(self) -> None:
        # open: numbers of an open folder stay on FUSE, and its disk is not mounted anew
        self._begun: int | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if trainer.is_global_zero and os.path.isdir(trainer.default_root_dir):
            self._begun = os.open(trainer.default_root_dir, os.O_RDONLY)
            weakref.finalize(self, os.close, self._begun)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.check(trainer)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.is_last_batch:
            self.check(trainer)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self.check(trainer)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        # raised again, it keeps Lightning's loggers from writing what they hold
        if isinstance(exception, (OSError, RunFolderLostError)):
            self.check(trainer)

    def check(self, trainer: Trainer) -> None:
        """Raises RunFolderLostError if the folder is gone, or is another one."""
        if self._begun is None:
            return
        now = _status(trainer.default_root_dir)
        if now is None or not os.path.samestat(os.fstat(self._begun), now):
            raise RunFolderLostError(
                f"the run folder '{trainer.default_root_dir}' was removed, renamed or replaced "
                "during the run; nothing more was written. Start again, from a checkpoint in the "
                "renamed folder if there is one."
            )


def check_run_folder(trainer: Trainer) -> None:
    """Calls the `RunFolderCheck` of a trainer that has one."""
    for callback in trainer.callbacks:
        if isinstance(callback, RunFolderCheck):
            callback.check(trainer)


def _status(folder: str | Path) -> os.stat_result | None:
    try:
        return os.stat(folder)
    except (FileNotFoundError, NotADirectoryError):
        return None
