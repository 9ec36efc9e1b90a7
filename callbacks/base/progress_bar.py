"""A progress bar that costs a small network's training no time."""

import time
from datetime import timedelta
from typing import Any, final

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import RichProgressBar

from lightning_modules.interface import AdversarialPair, provides

__all__ = ["PacedProgressBar"]

_PER_SECOND = 2  # drawing the bar takes some milliseconds


@final
class PacedProgressBar(RichProgressBar):
    """Updates Lightning's progress bar twice a second instead of after each batch.

    Lightning lays the bar out twice a batch and draws it up to a hundred times a second
    (benchmarks/peers_vae.py).

    The bar also shows the steps of critic and generator, the steps per second of all optimizers,
    and the time left until `max_epochs` or `max_steps`. The time left is extrapolated from the part
    of the run that this process has made, validation and images included.
    """

    def __init__(self) -> None:
        super().__init__(refresh_rate=_PER_SECOND)
        self._due = 0.0
        self._began, self._first_step, self._first_share = 0.0, 0, 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        self._began, self._first_step = time.monotonic(), trainer.global_step
        self._first_share = _share_done(trainer)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        now = time.monotonic()
        if now >= self._due or trainer.is_last_batch:
            self._due = now + 1 / _PER_SECOND
            super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)

    def get_metrics(
        self, trainer: Trainer, pl_module: LightningModule
    ) -> dict[str, int | str | float | dict[str, float]]:
        shown = super().get_metrics(trainer, pl_module)
        shown.pop("v_num", None)  # the version of the logger says nothing here
        if provides(pl_module, AdversarialPair):
            # as text: Lightning shows numbers with three decimals
            steps = {"critic": pl_module.critic_step, "generator": pl_module.generator_step}
            shown |= {network: str(step) for network, step in steps.items()}
        seconds, share = time.monotonic() - self._began, _share_done(trainer) - self._first_share
        if trainer.training and seconds > 0:
            shown["steps/s"] = f"{(trainer.global_step - self._first_step) / seconds:.1f}"
            if share > 0:
                left = seconds / share * (1 - self._first_share - share)
                shown["left"] = str(timedelta(seconds=round(left)))
        return shown


def _share_done(trainer: Trainer) -> float:
    """Returns the part of the run that is over, in [0, 1]; 0 if the run has no limit."""
    shares = [0.0]
    if trainer.max_epochs is not None and trainer.max_epochs > 0:
        # the number of batches may be infinite; the share is then that of whole epochs
        epoch = (trainer.fit_loop.batch_idx + 1) / trainer.num_training_batches
        shares.append((trainer.current_epoch + epoch) / trainer.max_epochs)
    if trainer.max_steps > 0:
        shares.append(trainer.global_step / trainer.max_steps)
    return min(max(shares), 1.0)  # the limit that is reached first ends the run
