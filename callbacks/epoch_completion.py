"""Completes the epoch of a checkpoint that was written right after a batch."""

from typing import Any, final

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from callbacks.preemption import Preemption

__all__ = ["EpochCompletion"]


@final
class EpochCompletion(Callback):
    """Runs the validation and end of epoch that were due when a checkpoint was saved.

    A checkpoint may be written right after a batch, for example by ModelCheckpoint with
    `every_n_train_steps`. The validation due after this batch then comes later, and after the last
    batch of an epoch also the callbacks' `on_train_epoch_end`. Lightning counts both as done. The
    resumed run would lack that validation, and HistoryAwareSampling would lack samples.

    Put this callback after those that act at the end of an epoch. `train.py` adds it to every run.
    """

    def __init__(self) -> None:
        self._is_due = False

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        if trainer.state.fn != TrainerFn.FITTING:
            return
        loops = checkpoint["loops"]["fit_loop"]
        batches, epochs = loops["epoch_loop.batch_progress"], loops["epoch_progress"]
        within_batch = batches["total"]["completed"] < batches["total"]["processed"]
        within_epoch = epochs["total"]["processed"] < epochs["total"]["started"]
        self._is_due = within_batch and within_epoch

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self._is_due:
            return
        self._is_due = False
        for callback in trainer.callbacks:
            if isinstance(callback, Preemption):  # its own hook runs later; this may take minutes
                callback.listen(trainer)
        if trainer.is_last_batch:
            _end_epoch(trainer)
        elif _is_validation_due(trainer):
            _validate(trainer)


# Lightning 2.6 has no public way to run a part of its loops. The functions below use:
# - one private name, `fit_loop._data_fetcher`, an argument of `epoch_loop.on_advance_end`;
# - undocumented members of `trainer.fit_loop`: `epoch_loop`, `epoch_progress`, `restarting`,
#   `on_advance_end`, `reset_restart_stage`;
# - undocumented members of its `epoch_loop`: `batch_progress`, `batch_idx`, `total_batch_idx`,
#   `val_loop`, `on_advance_end`, `reset_restart_stage`, `update_restart_stage`.
# tests/callbacks/test_epoch_completion.py fails if one of them is missing or changes its meaning:
# for `_end_epoch` the cases that start at batches 3 and 6, for the other two those at 2 and 5.


def _end_epoch(trainer: Trainer) -> None:
    fit_loop, epoch_loop = trainer.fit_loop, trainer.fit_loop.epoch_loop
    for progress in (fit_loop.epoch_progress.total, fit_loop.epoch_progress.current):
        progress.processed -= 1  # counted when the loop found that the batch was the last one
        progress.completed -= 1
    fit_loop.restarting = False
    epoch_loop.batch_progress.increment_completed()
    epoch_loop.on_advance_end(fit_loop._data_fetcher)  # validates
    fit_loop.on_advance_end()
    fit_loop.reset_restart_stage()
    epoch_loop.reset_restart_stage()


def _is_validation_due(trainer: Trainer) -> bool:
    """Returns whether Lightning validates after this batch, not an epoch's last one."""
    epochs = trainer.check_val_every_n_epoch
    if not trainer.enable_validation or (epochs and (trainer.current_epoch + 1) % epochs):
        return False
    loop = trainer.fit_loop.epoch_loop
    num_batches = 1 + (loop.total_batch_idx if epochs is None else loop.batch_idx)
    # no number of batches if validations go by time, whose clock starts anew
    return bool(trainer.val_check_batch) and num_batches % trainer.val_check_batch == 0


def _validate(trainer: Trainer) -> None:
    loop = trainer.fit_loop.epoch_loop
    loop.batch_progress.increment_completed()
    loop.val_loop.restarting = False
    trainer.validating = True
    loop.val_loop.run()
    trainer.training = True
    loop.update_restart_stage()  # as if the checkpoint had been written after this validation
