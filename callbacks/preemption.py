"""Stops a training after a signal, with a checkpoint for an exact resume."""

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

_STOP, _REQUEUE = 1, 2  # requests of signals; of several the larger one counts
_REQUESTS = {signal.SIGTERM: _STOP, signal.SIGUSR1: _REQUEUE}
# between agreements of several processes, each as expensive as the step of a small network
_EVERY_N_BATCHES = 10


@final
class Preempted(Exception):
    """Training was stopped by a signal and has saved a checkpoint.

    Args:
        checkpoint: path of the checkpoint.
        wants_requeue: whether the job should be queued again because its time is over.
    """

    def __init__(self, checkpoint: Path, wants_requeue: bool) -> None:
        super().__init__(f"training was stopped by a signal; resume it from {checkpoint}")
        self.checkpoint = checkpoint
        self.wants_requeue = wants_requeue


@final
class Preemption(Checkpoint):
    """Writes checkpoints/last.ckpt and raises `Preempted` after SIGUSR1 or SIGTERM.

    SIGUSR1 means that the time of a job is nearly over and the job should be queued again. SIGTERM
    means to stop.

    A signal may arrive at any moment, in only one of several processes. Its handler only records
    the request. After a batch all processes exchange their requests, save the same step and stop. A
    single process checks after each batch, several processes after each tenth, and both at the end
    of an epoch.

    A validation due after the batch is left to the resumed run, which needs `EpochCompletion`. If
    the batch is the last one of an epoch, the epoch ends first. A signal in the last batch of the
    last epoch does not stop the run. `train.py` adds EpochCompletion to every run and Preemption to
    jobs.

    The class is a `Checkpoint`, so Lightning calls it after all other callbacks.
    """

    def __init__(self) -> None:
        self._request = 0
        self._preempted: Preempted | None = None  # raised before the next epoch

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._request, self._preempted = 0, None  # requests to an earlier training are over

    def on_sanity_check_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.listen(trainer)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.listen(trainer)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        every = 1 if trainer.world_size == 1 else _EVERY_N_BATCHES
        if not trainer.is_last_batch and (batch_idx + 1) % every == 0:
            preempted = self._save_if_requested(trainer)
            if preempted is not None:
                raise preempted

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._preempted = self._save_if_requested(trainer)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # not in on_train_epoch_end, after which the loggers write the epoch's values; a checkpoint
        # saved here would count as one of the new epoch's end
        if self._preempted is not None:
            raise self._preempted

    def listen(self, trainer: Trainer) -> None:
        """Installs the signal handlers; Lightning restores the others after training.

        Lightning's handler of SIGTERM would wait for other processes in the middle of a step.
        """
        for number in _REQUESTS:
            signal.signal(number, partial(self._record, trainer))

    def _record(self, trainer: Trainer, number: int, frame: FrameType | None) -> None:
        self._request = max(self._request, _REQUESTS[signal.Signals(number)])
        if number == signal.SIGTERM:
            # SLURM sends SIGTERM to all processes of a job, so the W&B service is already gone
            trainer.loggers = [x for x in trainer.loggers if not isinstance(x, WandbLogger)]

    def _save_if_requested(self, trainer: Trainer) -> Preempted | None:
        """Saves and returns the exception to raise; None without a request to any process."""
        request = self._request
        if trainer.world_size > 1:
            local = torch.tensor(float(request), device=trainer.strategy.root_device)
            request = int(trainer.strategy.reduce(local, reduce_op="max"))
        if not request:
            return None
        checkpoint = Path(trainer.default_root_dir) / "checkpoints" / "last.ckpt"
        trainer.save_checkpoint(checkpoint)  # waits until it is written
        return Preempted(checkpoint, wants_requeue=request == _REQUEUE)
