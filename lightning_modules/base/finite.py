"""Stops a run that has lost its numbers before it replaces what was still good."""

import math
from collections.abc import Mapping
from typing import Any, final

from torch import Tensor

from lightning_modules.base.errors import TrainingError
from lightning_modules.base.runtime import loggable

__all__ = ["LossWatch", "check_finite_weights"]


@final
class LossWatch:
    """Notices a loss that is not finite, however long it takes until somebody may ask.

    A loss on the CPU is looked at in each step. A GPU that is asked for a number must first have
    done all that it has yet to do, and then waits for more: there each loss is looked at by the GPU
    itself, and what it found is asked for at steps whose losses are read anyway, and before a
    checkpoint is written.
    """

    def __init__(self) -> None:
        self._lost: Tensor | None = None  # whether one was that has not been asked for

    def look(self, losses: Mapping[str, Tensor], after: str, *, is_read: bool) -> None:
        """Raises TrainingError unless `losses["loss"]` is finite, and names every term.

        Args:
            losses: by name; "loss" is a scalar, of others the mean is named.
            after: the last step that was taken, in words, such as "step 12".
            is_read: whether somebody will see these losses.
        """
        loss = losses["loss"].detach()
        if not _answers_at_once(loss):
            lost = loss.isfinite().logical_not()
            self._lost = lost if self._lost is None else self._lost | lost
            if is_read:
                self.check(after, losses)
        elif not math.isfinite(loss.item()):
            raise _lost_loss(_named(losses), after)

    def check(self, after: str, losses: Mapping[str, Tensor] | None = None) -> None:
        """Raises TrainingError if a loss since the last answer was not finite; waits for a GPU."""
        lost, self._lost = self._lost, None
        if lost is not None and bool(lost):
            terms = f" (now {_named(losses)})" if losses else ""
            raise _lost_loss(f"one that is not, in this step or one before{terms},", after)


def check_finite_weights(checkpoint: Mapping[str, Any], after: str) -> None:
    """Raises TrainingError if a weight that a checkpoint is about to keep is not finite.

    Args:
        checkpoint: as Lightning hands it to `on_save_checkpoint`.
        after: the last step that was taken, in words.
    """
    lost = [k for k, v in checkpoint["state_dict"].items() if not v.isfinite().all()]
    if lost:
        raise TrainingError(
            f"weights must be finite to be saved, got NaN or infinity in '{lost[0]}' after "
            f"{after}; try a lower learning rate. The last checkpoint is kept."
        )


def _answers_at_once(loss: Tensor) -> bool:
    return loss.is_cpu


def _named(losses: Mapping[str, Tensor]) -> str:
    return ", ".join(f"{name} {float(loggable(value)):.4g}" for name, value in losses.items())


def _lost_loss(found: str, after: str) -> TrainingError:
    return TrainingError(
        f"the loss must be finite, got {found} after {after}; try a lower learning rate, or look "
        "for NaN in the data. No checkpoint was written since; if the loss had already grown, go "
        "on from best.ckpt, which a run with a val/loss keeps."
    )
