"""Elliptical forms: lengths as the samples have them, and points moved to given lengths."""

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
    form = target.elliptical_form()
    assert form is not None
    probabilities = form.probabilities_of(target.sample(2000, generator=seeded()))
    assert kstest(probabilities.numpy(), "uniform").pvalue > 0.01  # fixed seed


@pytest.mark.parametrize("target", TARGETS, ids=repr)
def test_moves_points_to_the_quantiles_along_their_rays(target: AbstractTarget) -> None:
    form = target.elliptical_form()
    assert form is not None
    points = target.sample(5, generator=seeded())
    expected = torch.tensor([0.01, 0.3, 0.5, 0.9, 0.99])
    moved = form.with_lengths(points, form.lengths_at(expected))
    torch.testing.assert_close(form.probabilities_of(moved), expected, rtol=1e-8, atol=1e-8)
    cosines = torch.cosine_similarity(form.whitened(points), form.whitened(moved))
    torch.testing.assert_close(cosines, torch.ones(5))
    again = form.with_lengths(moved, form.lengths(points))
    torch.testing.assert_close(again, points, rtol=1e-9, atol=1e-9)


def test_lengths_of_the_normal_distribution_are_those_of_chi() -> None:
    form = StandardNormal(7).elliptical_form()
    lengths = form.lengths_at(torch.tensor([0.01, 0.5]))
    torch.testing.assert_close(lengths, torch.from_numpy(scipy_chi.ppf([0.01, 0.5], 7)))


def test_may_be_pickled() -> None:
    for target in TARGETS:
        form = target.elliptical_form()
        assert form is not None
        again = pickle.loads(pickle.dumps(form))
        points = target.sample(3, generator=seeded())
        torch.testing.assert_close(again.probabilities_of(points), form.probabilities_of(points))


def test_a_direction_without_variance_is_none() -> None:
    form = Normal(MEAN, FLAT).elliptical_form()
    assert form is not None
    assert form.rank == 2
    assert Normal(MEAN, 0.0).elliptical_form() is None


def test_gradients_are_taken_into_whitened_coordinates() -> None:
    form = Normal(MEAN, COVARIANCE).elliptical_form()
    assert form is not None
    whitened = torch.randn(4, 3, generator=seeded(), requires_grad=True)
    points = form.points(whitened)
    (expected,) = torch.autograd.grad(points.sin().sum(), whitened)
    torch.testing.assert_close(form.whitened_gradient(points.detach().cos()), expected)


def mixture() -> Tensor:
    return torch.tensor([[0.0, 0.0], [5.0, 0.0]])


@pytest.mark.parametrize(
    "target",
    [UniformCube(2), GaussianMixture(None, mixture(), 1.0), Empirical(mixture())],
    ids=lambda target: type(target).__name__,
)
def test_a_distribution_that_is_not_elliptical_has_no_form(target: AbstractTarget) -> None:
    assert target.elliptical_form() is None
