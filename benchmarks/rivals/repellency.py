"""Sparse repellency: images leave the shields of other images, balls of a given radius.

The force on an image x by an image y, and its potential, are

    F(x) = relu(r / |x - y| - 1) (x - y),    U(x) = (1/2) (r - |x - y|)_+^2,    F = -grad U

Outside of the ball both are 0. Inside the force has length r - |x - y|, and x + F(x) is on the
sphere. A copy has no direction in which to leave: its force is 0.

Source: Kirchhof et al. 2025, "Shielded Diffusion: Generating Novel and Diverse Images using Sparse
Repellency" (SPELL), ICML, arXiv 2410.06025. The authors give the force.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.precision import exact_distances

__all__ = ["batch_potential", "shield_force", "shield_potential"]


def shield_potential(
    x: Float[Tensor, "n f"], others: Float[Tensor, "k f"], radius: float
) -> Float[Tensor, " n"]:
    """Returns U of each image, summed over all others; its gradient is 0 at copies.

    Args:
        x: features of images.
        others: features of the images with shields, perhaps none.
        radius: of a shield, in units of the features.
    """
    return 0.5 * (radius - exact_distances(x, others)).clamp(min=0).square().sum(1)


def shield_force(
    x: Float[Tensor, "n f"], others: Float[Tensor, "k f"], radius: float
) -> Float[Tensor, "n f"]:
    """Returns F on each image, summed over all others.

    Args:
        x: features of images.
        others: features of the images with shields, perhaps none.
        radius: of a shield, in units of the features.
    """
    distances = exact_distances(x, others)
    smallest = torch.finfo(x.dtype).tiny ** 0.5  # the squares of smaller distances underflow
    directions = (x[:, None] - others) / distances.clamp(min=smallest)[..., None]
    return ((radius - distances).clamp(min=0)[..., None] * directions).sum(1)


def batch_potential(
    x: Float[Tensor, "n f"], past: Float[Tensor, "k f"], radius: float
) -> Float[Tensor, ""]:
    """Returns U summed over the pairs of a batch and over the pairs of batch and past.

    Minus its gradient is the force by all other images, those of the batch and earlier ones.

    Args:
        x: features of a batch.
        past: features of earlier images.
        radius: of a shield, in units of the features.
    """
    own = 0.5 * len(x) * radius**2  # of each image with itself
    return shield_potential(x, past, radius).sum() + 0.5 * (
        shield_potential(x, x, radius).sum() - own
    )
