"""Particle guidance: latents of a batch from a joint distribution in which images repel.

    p(z_1, ..., z_n) ~ prod_i N(z_i; 0, I) Phi,
    log Phi = -strength sum_{i<j} exp(-|phi_i - phi_j|^2 / (2 s^2)),    phi_i = features of G(z_i)

The scale s is `bandwidth` times the median distance of two images of the batch. It is computed in
each step and is a constant for the gradient. Remembered images are further particles that do not
move. A single image has its median taken over the remembered ones.

The scale grows with the batch, so images that are far apart still repel. For two images log Phi
acts like c log|phi_1 - phi_2| with c = strength exp(-1 / (2 bandwidth^2)) / bandwidth^2. Latents
much longer than typical follow if c is not small against their dimension.

The paper adds the gradient of log Phi to each step of a diffusion model. Our generators decode in
one step, so their latents are moved by Langevin steps for the joint distribution above. A step
splits into a part that is exact for N(0, I), and a gradient step of time t:

    z <- sqrt(a) z + sqrt(1 - a) noise,    z <- z + t grad log Phi(z),    z <- sqrt(a) z + ...

with a = sqrt(1 - noise^2) and t = -log(a). Without strength N(0, I) is therefore invariant.

Source: Corso et al. 2024, "Particle Guidance: non-I.I.D. Diverse Sampling with Diffusion Models",
ICLR, arXiv 2310.13102; Cotter et al. 2013, "MCMC Methods for Functions", arXiv 1202.0709 (the steps
that keep N(0, I)).
"""

import math
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.rivals.interface import FeatureGenerator
from benchmarks.rivals.latent_gradients import check_prior, latent_gradient
from hawc.precision import exact_distances

__all__ = ["ParticleGuidance", "kernel_sum", "median_scale"]


@final
@dataclass(frozen=True)
class ParticleGuidance:
    """Moves latents by Langevin steps for a joint distribution in which images repel.

    Args:
        strength: of the repulsion, at least 0.
        bandwidth: of the kernel, in median distances.
        with_memory: whether remembered images repel, too.
        noise: standard deviation of the noise of a step, between 0 and 1.
        scale: s in units of the features, instead of a multiple of the median; usually None.
    """

    strength: float
    bandwidth: float = 1.0
    with_memory: bool = True
    noise: float = 0.3
    scale: float | None = None

    def __call__(
        self,
        latents: Float[Tensor, "n d"],
        past: Float[Tensor, "k f"],
        generator: FeatureGenerator,
        steps: int,
        random: torch.Generator,
    ) -> Float[Tensor, "n d"]:
        check_prior(generator.prior)
        past = past if self.with_memory else past[:0]
        keep = math.sqrt(1 - self.noise**2)
        for _ in range(steps):
            latents = _rotated(latents, keep, random)
            _, gradient = latent_gradient(generator, latents, lambda _, f: self._log_phi(f, past))
            latents = _rotated(latents - math.log(keep) * gradient, keep, random)
        return latents

    def _log_phi(
        self, features: Float[Tensor, "n f"], past: Float[Tensor, "k f"]
    ) -> Float[Tensor, ""]:
        past = past.to(features)
        scale = self.scale
        if scale is None:
            scale = self.bandwidth * median_scale(features.detach(), past)
        return -self.strength * kernel_sum(features, past, scale)


def kernel_sum(
    features: Float[Tensor, "n f"], past: Float[Tensor, "k f"], scale: float
) -> Float[Tensor, ""]:
    """Returns the Gaussian kernel summed over the pairs of a batch and of batch and past.

    For scale 0 it is 0.
    """
    distances = torch.cat([_pairs(features), exact_distances(features, past).flatten()])
    if scale == 0:
        return 0 * distances.sum()
    return torch.exp(-0.5 * (distances / scale).square()).sum()


def median_scale(features: Float[Tensor, "n f"], past: Float[Tensor, "k f"]) -> float:
    """Returns the median distance of two images of the batch; of a single one to the past.

    It is 0 if there is no pair.
    """
    pairs = _pairs(features) if len(features) > 1 else exact_distances(features, past).flatten()
    return float(pairs.quantile(0.5)) if len(pairs) else 0.0


def _pairs(features: Float[Tensor, "n f"]) -> Float[Tensor, " p"]:
    """Returns the distances of all pairs."""
    first, second = torch.triu_indices(len(features), len(features), 1, device=features.device)
    return exact_distances(features, features)[first, second]


def _rotated(
    latents: Float[Tensor, "n d"], keep: float, random: torch.Generator
) -> Float[Tensor, "n d"]:
    """Returns latents after a step that keeps N(0, I); their correlation is sqrt(keep)."""
    noise = torch.randn(latents.shape, generator=random, device=random.device, dtype=latents.dtype)
    return math.sqrt(keep) * latents + math.sqrt(1 - keep) * noise.to(latents.device)
