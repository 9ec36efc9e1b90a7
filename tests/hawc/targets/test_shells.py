"""Shells: lengths as the samples have them, and points moved to given lengths."""

import pickle

import pytest
import torch
from scipy.stats import chi as scipy_chi
from scipy.stats import kstest
from torch import Tensor

from hawc.targets import (
    AbstractTarget,
    Empirical,
    GaussianMixture,
    Normal,
    StandardNormal,
    StudentT,
    UniformCube,
)

COVARIANCE = torch.tensor([[4.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 0.3]])
FLAT = torch.diag(torch.tensor([4.0, 0.0, 1e-6]))
MEAN = torch.tensor([1e3, -5.0, 0.0])
TARGETS = (
    StandardNormal(1),
    StandardNormal(64),
    Normal(MEAN, 4.0),
    Normal(MEAN, COVARIANCE),
    Normal(MEAN, FLAT),
    StudentT(5, 0.3),
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("target", TARGETS, ids=repr)
def test_probabilities_of_samples_are_uniform(target: AbstractTarget) -> None:
    shells = target.shells()
    assert shells is not None
    probabilities = shells.probabilities_of(target.sample(2000, generator=seeded()))
    assert kstest(probabilities.numpy(), "uniform").pvalue > 0.01  # fixed seed


@pytest.mark.parametrize("target", TARGETS, ids=repr)
def test_moves_points_to_the_quantiles_along_their_rays(target: AbstractTarget) -> None:
    shells = target.shells()
    assert shells is not None
    points = target.sample(5, generator=seeded())
    expected = torch.tensor([0.01, 0.3, 0.5, 0.9, 0.99])
    moved = shells.at(points, shells.lengths_at(expected))
    torch.testing.assert_close(shells.probabilities_of(moved), expected, rtol=1e-8, atol=1e-8)
    cosines = torch.cosine_similarity(shells.whitened(points), shells.whitened(moved))
    torch.testing.assert_close(cosines, torch.ones(5))
    again = shells.at(moved, shells.lengths(points))
    torch.testing.assert_close(again, points, rtol=1e-9, atol=1e-9)


def test_lengths_of_the_normal_distribution_are_those_of_chi() -> None:
    shells = StandardNormal(7).shells()
    lengths = shells.lengths_at(torch.tensor([0.01, 0.5]))
    torch.testing.assert_close(lengths, torch.from_numpy(scipy_chi.ppf([0.01, 0.5], 7)))


def test_may_be_pickled() -> None:
    for target in TARGETS:
        shells = target.shells()
        assert shells is not None
        again = pickle.loads(pickle.dumps(shells))
        points = target.sample(3, generator=seeded())
        torch.testing.assert_close(again.probabilities_of(points), shells.probabilities_of(points))


def test_a_direction_without_variance_is_none() -> None:
    shells = Normal(MEAN, FLAT).shells()
    assert shells is not None
    assert shells.rank == 2
    assert Normal(MEAN, 0.0).shells() is None


def test_pulls_gradients_back() -> None:
    shells = Normal(MEAN, COVARIANCE).shells()
    assert shells is not None
    whitened = torch.randn(4, 3, generator=seeded(), requires_grad=True)
    points = shells.points(whitened)
    (expected,) = torch.autograd.grad(points.sin().sum(), whitened)
    torch.testing.assert_close(shells.pulled_back(points.detach().cos()), expected)


def mixture() -> Tensor:
    return torch.tensor([[0.0, 0.0], [5.0, 0.0]])


@pytest.mark.parametrize(
    "target",
    [UniformCube(2), GaussianMixture(None, mixture(), 1.0), Empirical(mixture())],
    ids=lambda target: type(target).__name__,
)
def test_has_no_shells_where_directions_and_lengths_depend(target: AbstractTarget) -> None:
    assert target.shells() is None
