"""Which training steps somebody will read.

Lightning passes to the loggers what was logged last before every `log_every_n_steps`-th step, and
callbacks mostly look when an epoch ends. Logging at every other step as well would change neither,
yet cost a fraction of a millisecond a value, much for a small network (benchmarks/peers_vae.py).
"""

from lightning import Trainer
from torch import Tensor

__all__ = ["is_read", "loggable"]


def loggable(value: Tensor | float) -> Tensor | float:
    """Returns what is logged of a term: the mean of a tensor, without its graph."""
    if not isinstance(value, Tensor):
        return value
    return value.detach().mean() if value.is_floating_point() else value.detach().float().mean()


def is_read(trainer: Trainer, step: int, lasting: int = 1) -> bool:
    """Returns whether loggers read this step or it is the last of its epoch.

    Args:
        trainer: of the step that is made now.
        step: training steps of the whole run before this one, as Lightning counts them for its
            loggers: a batch each, or the batches that gradients are accumulated over.
        lasting: batches until there are newer values, this one included, at least 1.
    """
    interval = trainer.log_every_n_steps
    if interval > 0 and (step + lasting) // interval > step // interval:
        return True
    return trainer.fit_loop.batch_idx + lasting >= trainer.num_training_batches
