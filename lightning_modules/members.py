"""The trained models that an ensemble is made of: how they are loaded and what they must share."""

import copy
from collections.abc import Sequence
from pathlib import Path

from lightning import LightningModule

from lightning_modules.interface import LatentGenerator, provides
from lightning_modules.saved_weights import read_weights

__all__ = ["check_members", "load_members"]


def check_members(members: Sequence[LightningModule]) -> None:
    """Raises an error unless the members can stand for each other.

    Raises:
        ValueError: if there is none, or they differ in their latent law or in the shape of what
            they make.
        TypeError: if one cannot be sampled.
    """
    if not members:
        raise ValueError("`members` must be at least one trained model, got none.")
    for member in members:
        if not provides(member, LatentGenerator):
            raise TypeError(
                f"`members` must have `latent_target` and `decode`, got {type(member).__name__}."
            )
    for name, found in {
        "latent law": [repr(member.latent_target) for member in members],
        "picture shape": [getattr(member, "image_shape", None) for member in members],
    }.items():
        for number, value in enumerate(found):
            if value != found[0]:
                raise ValueError(
                    f"`members` must share one {name}, got {found[0]} for the first and {value} "
                    f"for number {number + 1}; leave that one out."
                )


def load_members(
    model: LightningModule, checkpoints: Sequence[str | Path]
) -> list[LightningModule]:
    """Returns copies of a model, each with the weights of one of its checkpoints.

    Args:
        model: of the checkpoints' architecture; left as it is.
        checkpoints: files that Lightning wrote, of several runs or of several times of one.

    Raises:
        ValueError: if a file is no checkpoint or its weights do not fit.
    """
    members = [copy.deepcopy(model) for _ in checkpoints]
    for member, path in zip(members, checkpoints, strict=True):
        member.load_state_dict(read_weights(Path(path), member, "checkpoints"))
    return members
