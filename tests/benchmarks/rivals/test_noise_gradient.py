"""Gradient ascent reaches the known optima of its objectives."""

import math

import pytest
import torch
from torch import Tensor

from benchmarks.rivals.noise_gradient import NoiseGradient, length_energy, log_determinant, vendi
from metrics.vendi_score import vendi_score
from tests.benchmarks.rivals.linear_generator import LinearGenerator

OBJECTIVES = {"dpp": log_determinant, "vendi": vendi}


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def ascended(mover: NoiseGradient, latents: Tensor, past: Tensor, matrix: Tensor) -> Tensor:
    return mover(latents, past, LinearGenerator(matrix), 150, torch.Generator())


def optimum(objective: str, n: int, dim: int) -> float:
    """The largest value of n unit vectors: K / n has min(n, d) equal eigenvalues."""
    rank = min(n, dim)
    return float(rank) if objective == "vendi" else rank * math.log(1 + n / rank)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize(("n", "dim"), [(2, 2), (3, 3), (4, 2), (4, 6)])
def test_the_optimum_of_unit_vectors_is_reached(objective: str, n: int, dim: int) -> None:
    mover = NoiseGradient(objective, 0.05)
    result = ascended(mover, normal(n, dim), normal(0, dim), torch.eye(dim))
    best = optimum(objective, n, dim)
    assert float(OBJECTIVES[objective](result)) == pytest.approx(best, rel=2e-3)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_one_image_against_the_past_is_as_good_as_all_directions(objective: str) -> None:
    matrix, past, value = normal(2, 3, seed=1), normal(2, 3, seed=2), OBJECTIVES[objective]
    angles = torch.linspace(0, math.pi, 721, dtype=torch.float64)
    circle = torch.stack([angles.cos(), angles.sin()], 1)
    best = max(float(value(torch.cat([row[None] @ matrix, past]))) for row in circle)
    mover = NoiseGradient(objective, 0.05)
    result = ascended(mover, normal(1, 2, seed=4), past, matrix)
    assert float(value(torch.cat([result @ matrix, past]))) > best - 1e-3
    forgetful = NoiseGradient(objective, 0.05, norm_weight=0.0, with_memory=False)
    assert torch.allclose(ascended(forgetful, normal(1, 2), past, matrix), normal(1, 2))


@pytest.mark.parametrize("n", [1, 3, 8])
def test_vendi_is_the_metric(n: int) -> None:
    features = normal(n, 4)
    features[0] = 0
    for value in (features, features.repeat(2, 1), torch.zeros(3, 4)):
        assert float(vendi(value)) == pytest.approx(float(vendi_score(value)), abs=1e-8)


def test_log_determinant_of_both_grams() -> None:
    for features in (normal(3, 5), normal(7, 2)):
        unit = features / features.norm(dim=1, keepdim=True)
        expected = torch.logdet(torch.eye(len(unit)) + unit @ unit.T)
        torch.testing.assert_close(log_determinant(features), expected)


@pytest.mark.parametrize("value", [log_determinant, vendi, length_energy])
@pytest.mark.parametrize("shape", [(3, 5), (5, 3)])
def test_gradients_are_the_numeric_ones(value, shape: tuple[int, int]) -> None:
    assert torch.autograd.gradcheck(value, normal(*shape).requires_grad_())


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_too_large_steps_do_not_end_below_the_start(objective: str) -> None:
    latents, matrix, value = normal(4, 3), normal(3, 8, seed=1), OBJECTIVES[objective]
    mover = NoiseGradient(objective, 30.0, norm_weight=0.0)
    result = mover(latents, normal(0, 8), LinearGenerator(matrix), 5, torch.Generator())
    assert value(result @ matrix) >= value(latents @ matrix)


def test_lengths_become_typical() -> None:
    """The largest density of the length of N(0, I) is at sqrt(d - 1)."""
    mover = NoiseGradient("vendi", 0.05, norm_weight=1.0)
    result = ascended(mover, 0.2 * normal(1, 10), normal(0, 10), torch.eye(10))
    assert float(result.norm()) == pytest.approx(3.0, rel=0.01)
