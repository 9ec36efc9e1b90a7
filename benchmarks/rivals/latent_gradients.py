"""The common parts of movers: the gradient of a function of features, and a check of the prior."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.rivals.interface import FeatureGenerator
from hawc import StandardNormal
from hawc.targets import AbstractTarget

__all__ = ["Score", "check_prior", "latent_gradient"]

Score = Callable[[Float[Tensor, "n d"], Float[Tensor, "n f"]], Float[Tensor, ""]]


def latent_gradient(
    generator: FeatureGenerator, latents: Float[Tensor, "n d"], score: Score
) -> tuple[float, Float[Tensor, "n d"]]:
    """Returns a score of latents and its gradient, by one decoder call per latent.

    Args:
        generator: decoder and features.
        latents: where the gradient is taken.
        score: function of the latents and of the features of their images.
    """
    with torch.enable_grad():
        leaf = latents.detach().requires_grad_()
        value = score(leaf, generator.features(leaf))
        (gradient,) = torch.autograd.grad(value, leaf)
    return float(value.detach()), gradient


def check_prior(prior: AbstractTarget) -> None:
    """Checks that the prior is the standard normal distribution.

    Raises:
        ValueError: for any other prior.
    """
    if not isinstance(prior, StandardNormal):
        raise ValueError(f"Latents are moved for the prior StandardNormal alone, got {prior!r}.")
