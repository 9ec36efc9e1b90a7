"""What a FeatureSampler says where it works, though not on what was meant."""

import sys
import warnings
from types import FrameType

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.kernels import AbstractKernel
from hawc.samplers.clearance import EXACT
from hawc.targets import AbstractTarget

__all__ = ["warn", "warn_if_far", "warn_if_near", "warn_if_outside"]

_NUM_REAL = 256
_FEWEST = 50  # candidates; fewer leave out whole classes of images
_SHARE = 0.9  # of a distance asked for: less costs as much as an image out of place
_INNER = {"hawc", "jaxtyping", "beartype"}  # packages of frames between warning and caller


def warn(message: str) -> None:
    """Warns at the line that has called this package."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and _is_inner(frame):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)


def _is_inner(frame: FrameType) -> bool:
    # beartype compiles its wrappers in the module of what they wrap
    return frame.f_globals.get("__name__", "").partition(".")[0] in _INNER


def warn_if_far(features: Float[Tensor, "m f"], data: AbstractTarget, seed: int) -> None:
    """Warns if no candidate looks like the data: then one of the two has another range, say.

    That is where half of the real images are further from every candidate than from each other.
    Fewer than 50 candidates are not judged.

    Args:
        features: of the candidates.
        data: the distribution of the features of real images.
        seed: of a few samples of it.
    """
    if len(features) < _FEWEST:
        return
    generator = torch.Generator(features.device).manual_seed(seed)
    real = data.sample(_NUM_REAL, generator=generator).to(features)
    nearest = float(torch.cdist(real, features, compute_mode=EXACT).amin(1).median())
    apart = float((real - real.roll(1, 0)).norm(dim=1).median())
    # the ratio is 0.2 to 0.6 for generators of digits in four networks, 0.5 to 250 in another
    # range, and at most 1 for equal distributions, however many features there are
    if nearest > apart > 0:
        warn(
            f"No candidate looks like `data`: a real image is {nearest:.3g} from the nearest one "
            f"in features, and {apart:.3g} from another real one. Check that `decode` and the "
            "images behind `data` have the same range, such as [0, 1], size and colors."
        )


def warn_if_near(reached: float, distance: float) -> None:
    """Warns if images are nearer to each other than was asked for.

    Args:
        reached: the smallest distance of a new image from all others.
        distance: what was asked for.
    """
    if reached < _SHARE * distance:
        warn(
            f"`min_distance` of {distance:.3g} cannot be had without leaving the prior: the nearest"
            f" images are {reached:.3g} apart. Ask for less, or allow more `num_candidates`."
        )


def warn_if_outside(
    latents: Float[Tensor, "n d"],
    candidates: Float[Tensor, "m d"],
    prior: AbstractTarget,
    kernel: AbstractKernel,
) -> None:
    """Warns if latents are further from the prior's samples than any of these are."""
    potential = prior.potential(kernel)
    reached, usual = (float(potential(points).max()) for points in (latents, candidates))
    if reached > usual:
        warn(
            f"Latents have left the prior: {reached:.3g} from its samples on average, which are at "
            f"most {usual:.3g} from each other. Raise `typicality`, or leave `num_steps` out."
        )
