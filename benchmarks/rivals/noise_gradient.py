"""Gradient ascent on the latents of a batch, for the diversity of a set of images.

With unit vectors u_i of the features and the cosine kernel K_ij = u_i . u_j of N images, the
objectives are

    "dpp":    log det(I + K)
    "vendi":  exp(-sum lambda log lambda),    lambda = eigenvalues of K / N

Remembered images are further members of the set that do not move. The first objective grows with
each image by at most log 2, the second one by at most 1. Both are reached by orthogonal features.

The length r of each latent is kept typical by its log density for N(0, I) in d dimensions,

    -norm_weight ((1/2) r^2 - (d - 1) log r).

The authors also start from pink noise, and add a score of each image for its prompt. The first
needs latents with the axes of an image, the second a prompt; both are left out. Ascent is by Adam.
The result is the best of the latents whose images were decoded, as theirs is. So no decoder call is
spent on a comparison, and too large steps do not end below the start. The gradient of the last
decoder call has no use.

Source: Harrington et al. 2026, "It's Never Too Late: Noise Optimization for Collapse Recovery in
Trained Diffusion Models", CVPR, arXiv 2601.00090; Eyring et al. 2024, "ReNO: Enhancing One-step
Text-to-Image Models through Reward-based Noise Optimization", arXiv 2406.04312 (the term of r).
"""

from dataclasses import dataclass
from typing import Literal, final

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.rivals.interface import FeatureGenerator
from benchmarks.rivals.latent_gradients import check_prior, latent_gradient

__all__ = ["NoiseGradient", "Objective", "length_energy", "log_determinant", "vendi"]

_SMALLEST = 1e-12  # an eigenvalue of K / N; smaller ones are rounding of zero


Objective = Literal["dpp", "vendi"]


@final
@dataclass(frozen=True)
class NoiseGradient:
    """Moves latents by gradient ascent on the diversity of the images.

    Args:
        objective: of a set of images.
        learning_rate: of Adam, about the change of a coordinate in a step.
        norm_weight: of the term that keeps lengths typical.
        with_memory: whether remembered images belong to the set.
    """

    objective: Objective
    learning_rate: float
    norm_weight: float = 0.01
    with_memory: bool = True

    def __call__(
        self,
        latents: Float[Tensor, "n d"],
        past: Float[Tensor, "k f"],
        generator: FeatureGenerator,
        steps: int,
        random: torch.Generator,
    ) -> Float[Tensor, "n d"]:
        del random  # ascent adds no noise
        check_prior(generator.prior)
        past = past if self.with_memory else past[:0]
        best, best_score = latents, -torch.inf
        moved = latents.detach().clone().requires_grad_()
        optimizer = torch.optim.Adam([moved], lr=self.learning_rate)
        for _ in range(steps):
            score, gradient = latent_gradient(
                generator, moved, lambda z, f: self._score(z, f, past)
            )
            if score > best_score:
                best, best_score = moved.detach().clone(), score
            moved.grad = -gradient
            optimizer.step()
        return best

    def _score(
        self,
        latents: Float[Tensor, "n d"],
        features: Float[Tensor, "n f"],
        past: Float[Tensor, "k f"],
    ) -> Float[Tensor, ""]:
        objective = {"dpp": log_determinant, "vendi": vendi}[self.objective]
        members = torch.cat([features, past.to(features)])
        return objective(members) - self.norm_weight * length_energy(latents).sum()


def log_determinant(features: Float[Tensor, "n f"]) -> Float[Tensor, ""]:
    """Returns log det(I + K) of the cosine kernel, at most n log 2."""
    gram = _gram(features)
    return torch.logdet(gram + torch.eye(len(gram), dtype=gram.dtype, device=gram.device))


def vendi(features: Float[Tensor, "n f"]) -> Float[Tensor, ""]:
    """Returns the Vendi score with a finite gradient, from 1 to n."""
    eigenvalues = torch.linalg.eigvalsh(_gram(features) / len(features)).clamp(min=_SMALLEST)
    return torch.exp(-torch.xlogy(eigenvalues, eigenvalues).sum())


def length_energy(latents: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
    """Returns -log density of each latent's length for N(0, I), up to a constant."""
    length = torch.linalg.vector_norm(latents.double(), dim=1).clamp(min=_SMALLEST)
    energy: Tensor = 0.5 * length.square() - (latents.shape[1] - 1) * length.log()
    return energy


def _gram(features: Float[Tensor, "n f"]) -> Float[Tensor, "g g"]:
    """Returns K, or the smaller sum_i u_i u_i^T, which has the same positive eigenvalues.

    Zero vectors have no direction; they count as equal to each other and orthogonal to all others.
    """
    features = features.double()
    norms: Tensor = torch.linalg.vector_norm(features, dim=1, keepdim=True)
    is_zero = norms == 0
    unit = torch.cat([features / norms.where(~is_zero, 1), is_zero.to(features)], 1)
    return unit @ unit.T if len(unit) <= unit.shape[1] else unit.T @ unit
