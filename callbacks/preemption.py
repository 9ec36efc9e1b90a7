"""Leaves a training that was told to stop, with a checkpoint that it goes on from exactly."""

import signal
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, final

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.loggers import WandbLogger

__all__ = ["Preempted", "Preemption"]

# what a signal asks for; of several the larger one counts
_STOP, _REQUEUE = 1, 2
_ASKED = {signal.SIGTERM: _STOP, signal.SIGUSR1: _REQUEUE}
_EVERY_N_BATCHES = 10  # where processes must agree, which costs as much as a small network's step


@final
class Preempted(Exception):
    """Training was told to stop and has saved what it needs to go on.

    Args:
        checkpoint: that was written.
        wants_requeue: whether the job should be queued again, since its time is over; otherwise
            who has stopped it sees to that.
    """

    def __init__(self, checkpoint: Path, wants_requeue: bool) -> None:
        super().__init__(f"training was told to stop; it goes on from {checkpoint}")
        self.checkpoint = checkpoint
        self.wants_requeue = wants_requeue


@final
class Preemption(Checkpoint):
    """Writes checkpoints/last.ckpt and raises `Preempted` after SIGUSR1 or SIGTERM.

    A signal may come at any moment, to one process of many and within a step. So its handler only
    takes a note, and after a batch all processes look together whether one of them was told: then
    all save the same step and leave. One process looks after each batch, several after each tenth,
    and both when an epoch ends. SIGUSR1 says that the time of a job is nearly over, and the job
    should be queued again; SIGTERM just says to stop.

    A validation that is due after the batch is left to the run that resumes, which needs
    `EpochCompletion` for it; `train.py` adds both. The last batch of an epoch is not left at: the
    epoch ends first, with its numbers, and after the last epoch nothing is left to be stopped.

    It is a `Checkpoint` so that Lightning calls it after all other callbacks.
    """

    def __init__(self) -> None:
        self._asked = 0
        self._stop: Preempted | None = None  # to be raised before the next epoch

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._asked, self._stop = 0, None  # what an earlier training was told is done

    def on_sanity_check_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.listen(trainer)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.listen(trainer)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        every = 1 if trainer.world_size == 1 else _EVERY_N_BATCHES
        if not trainer.is_last_batch and (batch_idx + 1) % every == 0:
            stop = self._save_if_asked(trainer)
            if stop is not None:
                raise stop

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._stop = self._save_if_asked(trainer)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # what was logged in the epoch before it is written only after its end; a checkpoint of
        # this moment would not do: Lightning takes it for the end of the epoch that begins
        if self._stop is not None:
            raise self._stop

    def listen(self, trainer: Trainer) -> None:
        """Takes the signals over; Lightning gives them back, whichever way training ends.

        Its own handler of SIGTERM would wait for other processes in the middle of a step.
        """
        for number in _ASKED:
            signal.signal(number, partial(self._note, trainer))

    def _note(self, trainer: Trainer, number: int, frame: FrameType | None) -> None:
        self._asked = max(self._asked, _ASKED[signal.Signals(number)])
        if number == signal.SIGTERM:
            # SLURM sends it to all processes of a job, and W&B's service ends at once
            trainer.loggers = [x for x in trainer.loggers if not isinstance(x, WandbLogger)]

    def _save_if_asked(self, trainer: Trainer) -> Preempted | None:
        """Returns what is to be raised, None if no process was told to stop."""
        asked = self._asked
        if trainer.world_size > 1:
            own = torch.tensor(float(asked), device=trainer.strategy.root_device)
            asked = int(trainer.strategy.reduce(own, reduce_op="max"))
        if not asked:
            return None
        checkpoint = Path(trainer.default_root_dir) / "checkpoints" / "last.ckpt"
        trainer.save_checkpoint(checkpoint)  # and waits until it is written
        return Preempted(checkpoint, wants_requeue=asked == _REQUEUE)
