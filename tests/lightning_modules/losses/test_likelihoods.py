"""Likelihoods against torch's and SciPy's distributions."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from lightning_modules import TrainingError
from lightning_modules.losses.likelihoods import bernoulli_nll, check_unit_interval, gaussian_nll


def test_bernoulli_is_minus_the_log_probability_of_binary_images() -> None:
    images = torch.randint(0, 2, (3, 1, 4, 4)).double()
    logits = torch.randn(3, 1, 4, 4)
    expected = -stats.bernoulli.logpmf(images, torch.sigmoid(logits)).sum((1, 2, 3))
    assert bernoulli_nll(images, logits).numpy() == pytest.approx(expected, rel=1e-5)


def test_bernoulli_of_gray_images_is_the_cross_entropy() -> None:
    gray, logits = torch.rand(2, 5), torch.randn(2, 5)
    p = torch.sigmoid(logits)
    expected = -(gray * p.log() + (1 - gray) * (1 - p).log()).sum(1)
    torch.testing.assert_close(bernoulli_nll(gray, logits), expected)


def test_bernoulli_is_finite_for_extreme_logits() -> None:
    losses = bernoulli_nll(torch.tensor([[0.0, 1.0]]), torch.tensor([[1e4, -1e4]]))
    assert losses.item() == pytest.approx(2e4)


@pytest.mark.parametrize("sigma", [0.1, 1.0, 3.0])
def test_gaussian_is_minus_the_log_density(sigma: float) -> None:
    images, mean = torch.randn(3, 2, 2, 2).double(), torch.randn(3, 2, 2, 2).double()
    expected = -stats.norm.logpdf(images, mean, sigma).sum((1, 2, 3))
    found = gaussian_nll(images, mean, torch.tensor(math.log(sigma)).double())
    assert found.numpy() == pytest.approx(expected, rel=1e-6)


def test_best_sigma_is_the_root_mean_square_error() -> None:
    images, mean = torch.randn(50, 4).double(), torch.zeros(50, 4).double()
    log_sigma = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([log_sigma], line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = gaussian_nll(images, mean, log_sigma).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    expected = np.sqrt(images.square().mean().item())
    assert log_sigma.exp().item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("value", [-0.1, 1.01, math.nan])
def test_pixels_outside_the_unit_interval(value: float) -> None:
    images = torch.rand(2, 1, 3, 3)
    check_unit_interval(images)
    images[1, 0, 2, 2] = value
    with pytest.raises(TrainingError, match=r"pixels must be in \[0, 1\] for a Bernoulli"):
        check_unit_interval(images)
