"""Distances of a batch of latents to the prior, >= 0 up to rounding.

Each compares the batch as a whole with the distribution itself, without samples of it:

- exact               d^2 to N(0, I) in the Huber energy h = sqrt(a^2 + |x - y|^2) - a; infinite
                      for coordinates beyond 1e10, from which training does not recover,
- paper               the same to the Student t distribution that Turinici's constants imply,
- mmd                 2 d^2 to N(0, I) in h = s / (2d + s), s = |x - y|^2: the squared MMD of the
                      inverse multiquadric 2d / (2d + s) that the Wasserstein autoencoder uses,
- sliced_wasserstein  mean over random directions of the squared Wasserstein-2 distance to N(0, 1),
                      mean_i x_(i)^2 - 2 x_(i) q_i + 1, q_i the distribution's mean between its
                      quantiles (i - 1)/n and i/n.

Source: Turinici 2021, arXiv 1911.13135; Tolstikhin et al. 2018, "Wasserstein auto-encoders",
arXiv 1711.01558, section 4; Kolouri et al. 2018, "Sliced Wasserstein auto-encoders", arXiv
1804.01947, with samples in place of the q_i.
"""

import math
from collections.abc import Callable
from functools import lru_cache, partial

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from hawc import StandardNormal
from hawc.distances import squared_distance_to
from hawc.kernels import AbstractKernel, HuberEnergy, Quotient
from hawc.precision import full_precision, without_autocast
from hawc.targets import AbstractTarget, StudentT

__all__ = ["LatentLoss", "make_latent_loss", "prior_of", "sliced_wasserstein"]

LatentLoss = Callable[[Float[Tensor, "n d"]], Float[Tensor, ""]]

NUM_SLICES = 50  # directions per step; their error averages out over steps
_FARTHEST = 1e10  # up to this coordinate the exact potential of N(0, I) grows like |x|


def prior_of(name: str, latent_dim: int) -> AbstractTarget:
    """Returns the prior that latents follow under the loss of that name."""
    if name == "paper":
        return StudentT.approximating_normal(latent_dim)
    return StandardNormal(latent_dim)


def make_latent_loss(name: str, latent_dim: int) -> LatentLoss:
    """Returns the loss of that name; "none" is always 0.

    Args:
        name: "exact", "paper", "mmd", "sliced_wasserstein" or "none".
        latent_dim: number of coordinates of a latent.

    Raises:
        ValueError: if no loss has that name.
    """
    prior = prior_of(name, latent_dim)
    inverse_multiquadric = Quotient(1.0, math.sqrt(2 * latent_dim))
    losses: dict[str, LatentLoss] = {
        "exact": partial(_exact, prior=prior),
        "paper": partial(squared_distance_to, HuberEnergy(), target=prior),
        "mmd": partial(_twice_distance, kernel=inverse_multiquadric, prior=prior),
        "sliced_wasserstein": sliced_wasserstein,
        "none": _zero,
    }
    if name not in losses:
        raise ValueError(f"`latent_loss` must be one of {', '.join(losses)}, got '{name}'.")
    return losses[name]


def _exact(z: Float[Tensor, "n d"], prior: AbstractTarget) -> Float[Tensor, ""]:
    distance = squared_distance_to(HuberEnergy(), z, prior)
    # farther out the computed potential is constant and the repulsion makes the sum negative
    return torch.where(z.detach().abs().amax() <= _FARTHEST, distance, math.inf)


def _twice_distance(
    z: Float[Tensor, "n d"], kernel: AbstractKernel, prior: AbstractTarget
) -> Float[Tensor, ""]:
    return 2 * squared_distance_to(kernel, z, prior)


def _zero(z: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    return z.new_zeros(())


def sliced_wasserstein(z: Float[Tensor, "n d"], num_slices: int = NUM_SLICES) -> Float[Tensor, ""]:
    """Returns the mean squared Wasserstein-2 distance of projections of z to N(0, 1).

    Directions come from torch's global generator, as in training steps.
    """
    z = full_precision(z)
    directions = normalize(torch.randn(num_slices, z.shape[1], device=z.device, dtype=z.dtype))
    means = _means_between_quantiles(len(z), z.dtype, z.device)
    with without_autocast(z):
        projected = (z @ directions.T).sort(dim=0).values
        return (projected.square() - 2 * projected * means[:, None]).mean() + 1


@lru_cache(maxsize=8)  # a copy to a GPU in each step would wait for all its work
def _means_between_quantiles(n: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Returns the means of N(0, 1) between its quantiles (i - 1)/n and i/n, i = 1..n."""
    with torch.inference_mode(False):  # cached inference tensors cannot be used in training
        edges = torch.special.ndtri(torch.linspace(0, 1, n + 1, dtype=torch.float64))
        density = torch.exp(-0.5 * edges.square()) / math.sqrt(2 * math.pi)
        return (n * (density[:-1] - density[1:])).to(device, dtype)
