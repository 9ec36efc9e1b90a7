"""The model that `sample` decodes with: that of one checkpoint, or several put together."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from lightning import LightningModule

from commands.checkpoints import load_average, load_weights
from commands.errors import UsageError
from lightning_modules import DecoderAverage, Ensemble

__all__ = ["Combination", "sampled_model"]

Combination = Literal["mixture", "average"]


def sampled_model(
    model: LightningModule,
    checkpoints: Sequence[Path],
    combine: Combination = "mixture",
    use_ema: bool = False,
) -> LightningModule:
    """Returns the model with a checkpoint's weights, or a combination of such models.

    Args:
        model: can be sampled; its weights are replaced by the first checkpoint's.
        checkpoints: at least one, the others being `more_checkpoints` of the command.
        combine: of several: `Ensemble` or `DecoderAverage`.
        use_ema: whether the generator's average in each checkpoint takes its place.

    Raises:
        UsageError: if a checkpoint does not fit or lacks an average, or if they cannot be combined.
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


def _load(model: LightningModule, path: Path, use_ema: bool) -> None:
    load_weights(path, model)
    if use_ema:
        load_average(path, model)
