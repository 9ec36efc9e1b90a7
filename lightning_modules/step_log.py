"""Logs a training step where somebody will read it.

Lightning passes to the loggers what was logged last before every `log_every_n_steps`-th step, and
callbacks mostly look when an epoch ends. Logging at every other step as well would change neither,
yet cost a fraction of a millisecond a value, much for a small network (benchmarks/peers_vae.py).
"""

from collections.abc import Mapping

from lightning import LightningModule, Trainer
from torch import Tensor

__all__ = ["is_read", "log_step"]


def log_step(
    module: LightningModule, values: Mapping[str, Tensor | float], step: int, lasting: int = 1
) -> None:
    """Logs values as train/<name> if loggers read this step or it is the last of its epoch.

    Args:
        module: in a training step.
        values: scalars, of this step alone; a graph behind them is left out.
        step: training steps of the whole run before this one, as Lightning counts them for its
            loggers: a batch each, or the batches that gradients are accumulated over.
        lasting: batches until there are newer values, this one included, at least 1.
    """
    if is_read(module.trainer, step, lasting):
        module.log_dict({f"train/{name}": value for name, value in values.items()})


def is_read(trainer: Trainer, step: int, lasting: int = 1) -> bool:
    """Whether `log_step` would log at this step of a training; arguments are those of it."""
    interval = trainer.log_every_n_steps
    if interval > 0 and (step + lasting) // interval > step // interval:
        return True
    return trainer.fit_loop.batch_idx + lasting >= trainer.num_training_batches
