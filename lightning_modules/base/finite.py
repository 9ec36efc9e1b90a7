"""Stops a run whose loss or weights are not finite, before they are saved."""

import math
from collections.abc import Mapping
from typing import Any, final

from torch import Tensor

from lightning_modules.base.errors import TrainingError
from lightning_modules.base.runtime import loggable

__all__ = ["LossWatch", "check_finite_weights"]


@final
class LossWatch:
    """Notices a loss that is not finite, without stopping a GPU at each step.

    On the CPU the loss is tested in each step. On a GPU reading a number waits for all work in
    progress. There a flag on the GPU records a loss that is not finite. The flag is read only at
    logged steps and before a checkpoint is written.
    """

    def __init__(self) -> None:
        self._diverged: Tensor | None = None  # whether a loss since the last check was not finite

    def inspect(self, losses: Mapping[str, Tensor], after: str, *, is_logged: bool) -> None:
        """Raises TrainingError unless `losses["loss"]` is finite.

        The message lists all terms.

        Args:
            losses: by name; "loss" is a scalar, of other terms the message states the mean.
            after: the last step made, in words, such as "step 12".
            is_logged: whether this step's losses are logged, and so read in any case.
        """
        loss = losses["loss"].detach()
        if not _is_read_at_once(loss):
            diverged = loss.isfinite().logical_not()
            self._diverged = diverged if self._diverged is None else self._diverged | diverged
            if is_logged:
                self.check(after, losses)
        elif not math.isfinite(loss.item()):
            raise _not_finite(_listed(losses), after)

    def check(self, after: str, losses: Mapping[str, Tensor] | None = None) -> None:
        """Raises TrainingError if a loss since the last call was not finite.

        It waits for a GPU.
        """
        diverged, self._diverged = self._diverged, None
        if diverged is not None and bool(diverged):
            terms = f" (now {_listed(losses)})" if losses else ""
            raise _not_finite(f"one that is not, in this step or one before{terms},", after)


def check_finite_weights(checkpoint: Mapping[str, Any], after: str) -> None:
    """Raises TrainingError if a weight that is about to be saved is not finite.

    Args:
        checkpoint: the argument of `on_save_checkpoint`.
        after: the last step made, in words.
    """
    damaged = [k for k, v in checkpoint["state_dict"].items() if not v.isfinite().all()]
    if damaged:
        raise TrainingError(
            f"weights must be finite to be saved, got NaN or infinity in '{damaged[0]}' after "
            f"{after}; try a lower learning rate. The last checkpoint is kept."
        )


def _is_read_at_once(loss: Tensor) -> bool:
    return loss.is_cpu


def _listed(losses: Mapping[str, Tensor]) -> str:
    return ", ".join(f"{name} {float(loggable(value)):.4g}" for name, value in losses.items())


def _not_finite(terms: str, after: str) -> TrainingError:
    return TrainingError(
        f"the loss must be finite, got {terms} after {after}; try a lower learning rate, or look "
        "for NaN in the data. No checkpoint was written since; if the loss had already grown, go "
        "on from best.ckpt, which a run with a val/loss keeps."
    )
