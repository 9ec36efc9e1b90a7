"""SPELL for a decoder of one step: latents move until their images leave all shields.

The force of `repellency` acts on images during the steps of a diffusion model. A decoder of one
step has none, so latents descend the potential of that force through the decoder,

    z_i <- z_i - learning_rate grad_i U(phi(z_1), ..., phi(z_n)),    z_i <- z_i |z_i(0)| / |z_i|

Each image has a shield for all others of its batch, and earlier images have one. Latents keep the
length that they start with, so they stay typical of N(0, I). Images outside of all shields do not
move.

Source: see `repellency`.
"""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.rivals.interface import FeatureGenerator
from benchmarks.rivals.latent_gradients import check_prior, latent_gradient
from benchmarks.rivals.repellency import batch_potential

__all__ = ["RepelledLatents"]


@final
@dataclass(frozen=True)
class RepelledLatents:
    """Moves latents out of the shields of other images, at constant length.

    Args:
        radius: of a shield, in units of the features.
        learning_rate: latents move by it times the gradient.
    """

    radius: float
    learning_rate: float

    def __call__(
        self,
        latents: Float[Tensor, "n d"],
        past: Float[Tensor, "k f"],
        generator: FeatureGenerator,
        steps: int,
        random: torch.Generator,
    ) -> Float[Tensor, "n d"]:
        del random  # descent adds no noise
        check_prior(generator.prior)
        lengths = latents.norm(dim=1, keepdim=True)
        for _ in range(steps):
            _, gradient = latent_gradient(
                generator, latents, lambda _, f: batch_potential(f, past.to(f), self.radius)
            )
            moved = latents - self.learning_rate * gradient
            factors = lengths / moved.norm(dim=1, keepdim=True).clamp(min=1e-12)
            latents = torch.where(gradient.any(1, keepdim=True), moved * factors, latents)
        return latents
