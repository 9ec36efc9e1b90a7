"""Particle guidance samples the joint distribution that it states."""

import math

import pytest
import torch
from torch import Tensor

from benchmarks.rivals.particle_guidance import ParticleGuidance, kernel_sum, median_scale
from hawc import StandardNormal
from hawc.targets import AbstractTarget
from tests.benchmarks.rivals.linear_generator import LinearGenerator

FAR = 100.0  # no kernel reaches so far
PAIRS = 150


class SeparatePairs:
    """Pairs of latents on the line; each pair is far from all other pairs."""

    prior: AbstractTarget = StandardNormal(1)

    def features(self, latents: Tensor) -> Tensor:
        places = FAR * (torch.arange(len(latents)) // 2).to(latents)
        return torch.cat([latents, places[:, None]], 1)


def mean_distance(strength: float, scale: float) -> float:
    """The mean of |x - y| for the density N(x) N(y) Phi(x, y), by a sum over a grid."""
    x = torch.linspace(-6, 6, 801, dtype=torch.float64)
    distance = (x[:, None] - x).abs()
    kernel = torch.exp(-0.5 * (distance / scale).square())
    density = torch.exp(-0.5 * (x[:, None].square() + x.square()) - strength * kernel)
    return float((distance * density).sum() / density.sum())


def test_without_strength_the_prior_is_kept() -> None:
    random = torch.Generator().manual_seed(0)
    latents = torch.randn(1000, 3, generator=random)
    generator = LinearGenerator(torch.eye(3))
    result = ParticleGuidance(0.0)(latents, torch.zeros(0, 3), generator, 8, random)
    assert result.mean(0).abs().max() < 0.11  # 3.5 standard errors
    assert (result.T.cov() - torch.eye(3)).abs().max() < 0.16
    correlation = float((latents * result).mean())
    assert correlation == pytest.approx((1 - 0.3**2) ** 4, abs=0.07)  # 8 steps of sqrt(1 - b^2)


@pytest.mark.parametrize("strength", [2.0, 4.0])
def test_pairs_have_the_joint_distribution(strength: float) -> None:
    random, mover = torch.Generator().manual_seed(0), ParticleGuidance(strength, scale=1.0)
    latents, distances = torch.randn(2 * PAIRS, 1, generator=random), []
    for call in range(16):
        latents = mover(latents, torch.zeros(0, 2), SeparatePairs(), 20, random)
        if call:
            distances.append((latents[::2] - latents[1::2]).abs().mean())
    expected = mean_distance(strength, 1.0)
    assert expected > 1.2 * mean_distance(0.0, 1.0)
    assert float(torch.stack(distances).mean()) == pytest.approx(expected, rel=0.04)


def test_pairs_with_the_median_distance() -> None:
    """Two particles then repel by the gradient of c log|x - y|, with c = strength / sqrt(e).

    So |x - y|^2 / 2 has the chi-squared distribution with c + d degrees of freedom.
    """
    random, dim = torch.Generator().manual_seed(0), 2
    mover, generator = ParticleGuidance(6 * math.sqrt(math.e)), LinearGenerator(torch.eye(dim))
    latents, squares = torch.randn(2, dim, generator=random), []
    for _ in range(400):
        latents = mover(latents, torch.zeros(0, dim), generator, 5, random)
        squares.append(0.5 * (latents[0] - latents[1]).square().sum())
    assert float(torch.stack(squares).mean()) == pytest.approx(6 + dim, rel=0.08)


def test_a_single_image_leaves_the_past() -> None:
    random = torch.Generator().manual_seed(0)
    past, latents = torch.zeros(1, 1), torch.zeros(1, 1)
    generator = LinearGenerator(torch.eye(1))
    lengths = [
        torch.stack(
            [
                ParticleGuidance(5.0, with_memory=memory, scale=0.5)(
                    latents, past, generator, 30, random
                ).abs()
                for _ in range(20)
            ]
        ).mean()
        for memory in (True, False)
    ]
    assert lengths[0] > 1.2 * lengths[1]


def test_kernels_and_medians_of_few_images() -> None:
    features, past = torch.tensor([[0.0], [1.0], [3.0]]), torch.tensor([[5.0]])
    assert median_scale(features, past) == 2.0
    assert median_scale(features[:1], past) == 5.0
    assert median_scale(features[:1], past[:0]) == 0.0
    distances = torch.tensor([1.0, 2.0, 3.0, 5.0, 4.0, 2.0])
    expected = torch.exp(-distances.square() / 8).sum()
    torch.testing.assert_close(kernel_sum(features, past, 2.0), expected)
    assert kernel_sum(features, past, 0.0) == 0
