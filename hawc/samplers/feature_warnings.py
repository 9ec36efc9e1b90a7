"""Warnings of FeatureSampler about results that the caller probably did not want."""

import sys
import warnings
from types import FrameType

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.kernels import AbstractKernel
from hawc.precision import exact_distances
from hawc.targets import AbstractTarget

__all__ = ["warn", "warn_if_outside_prior", "warn_if_too_close", "warn_if_unlike_data"]

_NUM_REAL = 256  # samples of the data
_MIN_CANDIDATES = 50  # fewer may lack whole classes of images
_TOLERATED_SHARE = 0.9  # of `min_distance`; see the penalty's weight
_INNER = {"hawc", "jaxtyping", "beartype"}  # packages of frames between warning and caller


def warn(message: str) -> None:
    """Warn at the line outside this package that called it."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and _is_inner(frame):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)


def _is_inner(frame: FrameType) -> bool:
    # beartype compiles a wrapper in the module of the function that it wraps
    return frame.f_globals.get("__name__", "").partition(".")[0] in _INNER


def warn_if_unlike_data(features: Float[Tensor, "m f"], data: AbstractTarget, seed: int) -> None:
    """Warn if no candidate looks like the data.

    Often the range of values differs. The test: half of the real images are farther from every
    candidate than from each other. Fewer than 50 candidates are not tested.

    Args:
        features: of the candidates.
        data: the distribution of the features of real images.
        seed: for 256 samples of `data`.
    """
    if len(features) < _MIN_CANDIDATES:
        return
    generator = torch.Generator(features.device).manual_seed(seed)
    real = data.sample(_NUM_REAL, generator=generator).to(features)
    nearest = float(exact_distances(real, features).amin(1).median())
    between_real = float((real - real.roll(1, 0)).norm(dim=1).median())
    # The ratio is 0.2 to 0.6 for generators of digits and four feature networks, 0.5 to 250 if the
    # range differs, and at most 1 for equal distributions with any number of features.
    if nearest > between_real > 0:
        warn(
            f"No candidate looks like `data`: in features, a real image is {nearest:.3g} from the "
            f"nearest candidate and {between_real:.3g} from another real image. Check that images "
            "from `decode` and those behind `data` have the same range, such as [0, 1], size and "
            "colors."
        )


def warn_if_too_close(reached: float, distance: float) -> None:
    """Warn if new images are closer to another image than desired.

    Args:
        reached: the smallest distance from a new image to any other image.
        distance: the desired one, `min_distance`.
    """
    if reached < _TOLERATED_SHARE * distance:
        warn(
            f"`min_distance` of {distance:.3g} was not reached: the closest images have distance "
            f"{reached:.3g}. Lower `min_distance`, or raise `num_candidates`."
        )


def warn_if_outside_prior(
    latents: Float[Tensor, "n d"],
    candidates: Float[Tensor, "m d"],
    prior: AbstractTarget,
    kernel: AbstractKernel,
) -> None:
    """Warn if latents are farther from the prior's samples than any candidate is."""
    potential = prior.potential(kernel)
    reached, usual = (float(potential(points).max()) for points in (latents, candidates))
    if reached > usual:
        warn(
            f"Latents have left the prior: their mean distance from its samples is {reached:.3g}, "
            f"and at most {usual:.3g} for candidates. Raise `typicality`, or leave `num_steps` out."
        )
