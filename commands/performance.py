"""What the command line does for speed."""

import ctypes
import os
import time
from contextlib import nullcontext
from datetime import timedelta
from typing import Any, final

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import RichProgressBar
from lightning.pytorch.profilers import PassThroughProfiler

from lightning_modules.interface import AdversarialPair, provides

__all__ = ["NoProfiler", "PacedProgressBar", "keep_freed_memory"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # names of malloc.h, the same in every glibc
_KEPT = 2**30
_LARGEST = 2**25  # glibc accepts no more; tensors above 32 MiB are given back all the same


def keep_freed_memory() -> bool:
    """Sets it for this process; returns whether that could be done, as it can with glibc.

    Nothing is changed where the environment already says what should be done, by a variable whose
    name begins with MALLOC_.
    """
    if any(name.startswith("MALLOC_") for name in os.environ):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is None:
        return False
    return bool(mallopt(_TRIM_THRESHOLD, _KEPT) and mallopt(_MMAP_THRESHOLD, _LARGEST))


_NOTHING = nullcontext()


@final
class NoProfiler(PassThroughProfiler):
    """Measures nothing, with one context for all that asks.

    Lightning's own makes and runs a generator each time, dozens of times in a batch of a GAN.
    """

    def profile(self, action_name: str) -> Any:
        """Returns a context that does nothing."""
        return _NOTHING


_PER_SECOND = 2  # drawing takes some milliseconds


@final
class PacedProgressBar(RichProgressBar):
    """Lightning's bar, brought up to date twice a second instead of after each batch.

    Lightning lays it out anew twice a batch and draws it a hundred times a second, which makes the
    steps of a small network up to a fifth slower in a terminal (benchmarks/peers_vae.py).

    Beside the epoch's batches it shows the steps of critic and generator so far, how many steps of
    either are made in a second, and the time left until `max_epochs` or `max_steps` ends the run
    if it goes on like the part that this process has made, validation and images included.
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
        shown.pop("v_num", None)  # of the logger's run: that is in the run folder, the bar is short
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
    """Returns the part of the run that is over, in [0, 1]; 0 if it has no end."""
    shares = [0.0]
    if trainer.max_epochs is not None and trainer.max_epochs > 0:
        # of a batch count that nobody knows nothing is left
        epoch = (trainer.fit_loop.batch_idx + 1) / trainer.num_training_batches
        shares.append((trainer.current_epoch + epoch) / trainer.max_epochs)
    if trainer.max_steps > 0:
        shares.append(trainer.global_step / trainer.max_steps)
    return min(max(shares), 1.0)  # the limit that is nearer ends the run
