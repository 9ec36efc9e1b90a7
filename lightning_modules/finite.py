"""Stops a run that has lost its numbers before it replaces what was still good."""

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from lightning_modules.errors import TrainingError

__all__ = ["check_finite_loss", "check_finite_weights"]


def check_finite_loss(losses: Mapping[str, Tensor], after: str, *, is_read: bool) -> None:
    """Raises TrainingError unless `losses["loss"]` is finite, and names every term.

    Looks at losses that are read anyway; at all of them where the CPU computes. A GPU that is asked
    for a number must first have done all that it has yet to do, and then waits for more.

    Args:
        losses: by name; "loss" is a scalar, of others the mean is named.
        after: the last step that was taken, in words, such as "step 12".
        is_read: whether somebody will see these losses.
    """
    loss = losses["loss"]
    if not (is_read or loss.is_cpu) or math.isfinite(loss.item()):
        return
    values = ", ".join(
        f"{name} {float(value.detach().mean()):.4g}" for name, value in losses.items()
    )
    raise TrainingError(
        f"the loss must be finite, got {values} after {after}; try a lower learning rate, or look "
        "for NaN in the data. No checkpoint was written since; if the loss had already grown, go "
        "on from best.ckpt, which a run with a val/loss keeps."
    )


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
