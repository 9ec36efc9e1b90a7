"""What the command line does for speed; HAWC_PERFORMANCE=off switches it off.

    what                gain                                                  its own switch
    keep_freed_memory   WGAN-GP's critic step on a CPU: 53 ms instead of 60   any variable MALLOC_*
                        at width 32, 137 instead of 180 at width 64
    NoProfiler          0.3 microseconds instead of 1.6 a context, of which   --trainer.profiler
                        a GAN enters 90 in a batch
    PacedProgressBar    up to a fifth of a small network's step in a          a bar of the user's
                        terminal                                              among the callbacks
    train.py            OMP_WAIT_POLICY=passive: where two cores are busy,    OMP_WAIT_POLICY=active
                        threads that spin are up to 20 times slower

It also switches off two in lightning_modules/base/runtime.py: `stop_driver_checks` (1.6
microseconds instead of 40 a step) and `AbstractPlainAttributes` (0.4 microseconds instead of 2.3,
50 times in a batch of a GAN). Users may add the callbacks ChannelsLast and CompiledNetworks.
docs/performance.md has the tables.
"""

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

__all__ = ["NoProfiler", "PacedProgressBar", "is_switched_off", "keep_freed_memory"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # names of malloc.h, the same in every glibc
_KEPT = 2**30
_LARGEST = 2**25  # glibc accepts no more; tensors above 32 MiB are still returned
_NOTHING = nullcontext()
_PER_SECOND = 2  # drawing the bar takes some milliseconds


def is_switched_off() -> bool:
    """Returns whether HAWC_PERFORMANCE=off is set."""
    return os.environ.get("HAWC_PERFORMANCE") == "off"


def keep_freed_memory() -> bool:
    """Keeps freed memory in the process, where the next step needs as much.

    By default the C library returns the memory of larger tensors to the system when they are freed,
    and requests it again at each step. The system clears every page first.

    Returns:
        Whether the C library has accepted it; only glibc does. False, too, if a variable whose name
        begins with MALLOC_ configures the C library already, or with HAWC_PERFORMANCE=off.
    """
    if is_switched_off() or any(name.startswith("MALLOC_") for name in os.environ):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is None:
        return False
    return bool(mallopt(_TRIM_THRESHOLD, _KEPT) and mallopt(_MMAP_THRESHOLD, _LARGEST))


@final
class NoProfiler(PassThroughProfiler):
    """Measures nothing, with one context for all actions.

    Lightning's own profiler creates and runs a generator for each action.
    """

    def profile(self, action_name: str) -> Any:
        """Returns a context that does nothing."""
        return _NOTHING


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
