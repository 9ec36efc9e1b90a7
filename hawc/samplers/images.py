"""Images that a decoder returned, one by one or as a batch of their kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hawc.module_state import in_eval_mode
from hawc.samplers.latent_form import LatentForm
from hawc.samplers.progress import Progress
from hawc.samplers.stage import (
    Stage,
    called,
    described_output,
    module_of,
    without_autocast_anywhere,
)

__all__ = ["SampledImages", "as_batch", "copied", "decoded_images", "single_images"]


@final
@dataclass(frozen=True, eq=False)
class SampledImages:
    """Images with their latents and their places in the history.

    Args:
        images: as `decode` returned them: a tensor, an array or a list of n.
        latents: (n, d), or (n, *latent_shape).
        ids: the rows of the history, as in `history[ids[0]]`.
    """

    images: Any
    latents: Float[Tensor, "n ..."]
    ids: range


def single_images(output: Any, count: int) -> list[Any]:
    """Returns the images of a batch.

    Raises:
        ValueError: if the batch is no tensor, array or sequence of `count` images.
    """
    is_batch = isinstance(output, Tensor | np.ndarray | Sequence) and not isinstance(output, str)
    if not is_batch or getattr(output, "ndim", 1) == 0 or len(output) != count:
        raise ValueError(
            f"`decode` must return a tensor, an array or a list of {count} images, got "
            f"{described_output(output)}. Return one image for each latent, or call `sample` and "
            "decode yourself."
        )
    return list(output)


def as_batch(images: list[Any]) -> Any:
    """Returns tensors or arrays of one size as one of them, and others as a list."""
    for kind, stack in ((Tensor, torch.stack), (np.ndarray, np.stack)):
        are_of_kind = all(isinstance(image, kind) for image in images)
        if are_of_kind and len({tuple(image.shape) for image in images}) == 1:
            return stack(images)
    return images


def copied(output: Any) -> Any:
    """Returns a copy of a tensor or an array, which `features` may change in place."""
    if isinstance(output, Tensor):
        return output.clone()
    return output.copy() if isinstance(output, np.ndarray) else output


@torch.no_grad()
def decoded_images(
    decode: Stage, latents: Float[Tensor, "n d"], form: LatentForm, progress: Progress = iter
) -> Any:
    """Returns the images of latents as one batch: a tensor, an array or a list.

    Args:
        decode: latents to images.
        latents: at least one.
        form: in which `decode` gets them.
        progress: shows the progress over batches.

    Raises:
        ValueError: if `decode` returns no batch of images.
    """
    module = module_of(decode)
    modules = [] if module is None else [module]
    images: list[Any] = []
    with in_eval_mode(*modules), without_autocast_anywhere(latents, modules):
        for part in progress(form.batches(latents)):
            output = called("decode", decode, form.given(part), len(part))
            images += single_images(output, len(part))
    return as_batch(images)
