"""Saves every n steps also where one batch makes several steps."""

from typing import final

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

__all__ = ["StepIntervals"]


@final
class StepIntervals(Callback):
    """Lets a ModelCheckpoint with `every_n_train_steps` save once in every n steps.

    Lightning counts the steps of all optimizers together, and ModelCheckpoint saves after a batch
    whose count is a multiple of n. Where a batch makes a step of the critic and one of the
    generator, the count jumps over some multiples; the checkpoint is then saved after that batch.
    Models that Lightning steps are left alone.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for callback in trainer.checkpoint_callbacks:
            if isinstance(callback, ModelCheckpoint) and not pl_module.automatic_optimization:
                # the name is private; tests/commands/test_step_intervals.py fails if it goes
                interval = _Interval(callback._every_n_train_steps)
                interval.reached = trainer.global_step
                callback._every_n_train_steps = interval


class _Interval(int):
    """An interval n for which `step % n` is 0 if a multiple of n was passed since the last `%`.

    It is the same number otherwise, also in the name under which the callback's state is saved.
    """

    reached = 0

    def __rmod__(self, step: int) -> int:
        number = int(self)
        passed = step // number > self.reached // number
        self.reached = step
        return 0 if passed else step % number or number
