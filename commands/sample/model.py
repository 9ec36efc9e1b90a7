"""The model that decodes samples: of one checkpoint, or a combination of several."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from lightning import LightningModule

from callbacks.base.decoding import decode, evaluating
from commands.errors import UsageError
from commands.run.checkpoints import load_average, load_weights
from lightning_modules import DecoderAverage, Ensemble
from lightning_modules.interface import LatentGenerator, provides

__all__ = ["Combination", "check_decoding", "decoding_error", "sampled_model"]

Combination = Literal["mixture", "average"]


def sampled_model(
    model: LightningModule,
    checkpoints: Sequence[Path],
    combine: Combination = "mixture",
    use_ema: bool = False,
) -> LightningModule:
    """Returns the model with a checkpoint's weights, or a combination of such models.

    Args:
        model: has latents; its weights are replaced by those of the first checkpoint.
        checkpoints: at least one; all but the first are `more_checkpoints` of the command.
        combine: several checkpoints as an `Ensemble` (mixture) or a `DecoderAverage` (average).
        use_ema: whether the average in each checkpoint replaces the generator's weights.

    Raises:
        UsageError: if a checkpoint does not fit, lacks an average or decodes to NaN, or if they
            cannot be combined.
    """
    first, *more = checkpoints
    if combine != "mixture" and not more:
        raise UsageError(
            f"`combine` {combine} needs several checkpoints, got one; name others by "
            "--more_checkpoints '[other.ckpt]'."
        )
    copies = [copy.deepcopy(model) for _ in more]
    _load(model, first, use_ema)
    try:
        for member, path in zip(copies, more, strict=True):
            _load(member, path, use_ema)
    except UsageError as error:
        raise UsageError(str(error).replace("`ckpt_path`", "`more_checkpoints`")) from error
    if not copies:
        return model
    try:
        make = Ensemble if combine == "mixture" else DecoderAverage
        return make([model, *copies])
    except ValueError as error:
        raise UsageError(str(error).replace("`members`", "`more_checkpoints`")) from error


def check_decoding(model: LightningModule) -> None:
    """Raises UsageError if the model decodes the origin to NaN or infinite values."""
    assert provides(model, LatentGenerator)  # checked by the command
    with evaluating(model):
        decoded = decode(model, torch.zeros(1, model.prior.dim))
    if not decoded.isfinite().all():
        raise decoding_error(model)


def decoding_error(model: LightningModule) -> UsageError:
    """Returns the error for weights that decode to NaN or infinite values."""
    return UsageError(
        "`ckpt_path` must hold weights that decode to finite values, got NaN or infinity from "
        f"{type(model).__name__}. Name an earlier checkpoint."
    )


def _load(model: LightningModule, path: Path, use_ema: bool) -> None:
    load_weights(path, model)
    if use_ema:
        load_average(path, model)
    check_decoding(model)
