"""Makes up for what a run had still to do after a batch when it was saved and interrupted."""

from typing import Any, final

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from callbacks.preemption import Preemption

__all__ = ["EpochCompletion"]


@final
class EpochCompletion(Callback):
    """Lets a resumed run validate and end the epoch where its checkpoint was written before that.

    What saves after a batch, such as ModelCheckpoint with `every_n_train_steps`, saves before the
    validation that is due after this batch and, if it is the last one, before what callbacks do
    when an epoch ends. Lightning takes both for done: the resumed run would lack that validation,
    and the samples that HistoryAwareSampling would have drawn, in its history for ever after.

    It comes after the callbacks that are to see the end of the epoch. `train.py` adds one.
    """

    def __init__(self) -> None:
        self._is_due = False

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        if trainer.state.fn != TrainerFn.FITTING:
            return  # weights alone are enough to be evaluated
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
            if isinstance(callback, Preemption):  # it comes later, and this may take minutes
                callback.listen(trainer)
        if trainer.is_last_batch:
            _end_epoch(trainer)
        else:
            _validate(trainer)


# Names below are of Lightning 2.6's loops; tests/test_resume.py fails if they change their meaning.


def _end_epoch(trainer: Trainer) -> None:
    fit_loop, epoch_loop = trainer.fit_loop, trainer.fit_loop.epoch_loop
    for progress in (fit_loop.epoch_progress.total, fit_loop.epoch_progress.current):
        progress.processed -= 1  # counted when the loop found the batch to be the last one
        progress.completed -= 1
    fit_loop.restarting = False
    epoch_loop.batch_progress.increment_completed()
    epoch_loop.on_advance_end(fit_loop._data_fetcher)  # validates
    fit_loop.on_advance_end()
    fit_loop.reset_restart_stage()
    epoch_loop.reset_restart_stage()


def _validate(trainer: Trainer) -> None:
    loop = trainer.fit_loop.epoch_loop
    if loop._should_check_val_fx(trainer.fit_loop._data_fetcher):
        loop.batch_progress.increment_completed()
        loop.val_loop.restarting = False
        trainer.validating = True
        loop.val_loop.run()
        trainer.training = True
        loop.update_restart_stage()  # as if the checkpoint were of the end of this validation
