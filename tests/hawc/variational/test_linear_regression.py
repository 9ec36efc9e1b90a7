"""Variational linear regression: the exact posterior, the exact evidence, and the rising bound."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch import Tensor

from hawc.variational import VariationalRegression, posterior, variational_regression

TAU = 4.0


def data(n: int = 20, dim: int = 3) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    inputs, noise = torch.randn(n, dim, generator=generator), torch.randn(n, generator=generator)
    return inputs, inputs @ torch.linspace(-1, 2, dim) + noise / math.sqrt(TAU)


def evidence(inputs: Tensor, targets: Tensor, shape: float, rate: float) -> float:
    """Returns log p(t), by quadrature over log alpha; t is normal given alpha."""
    x, t = inputs.numpy(), targets.numpy()

    def joint(log_alpha: float) -> float:
        alpha = math.exp(log_alpha)
        covariance = np.eye(len(t)) / TAU + x @ x.T / alpha
        density = stats.multivariate_normal(np.zeros(len(t)), covariance).pdf(t)
        return density * stats.gamma(shape, scale=1 / rate).pdf(alpha) * alpha

    return math.log(integrate.quad(joint, -8, 8, limit=200, epsrel=1e-8, epsabs=0)[0])


def test_a_known_precision_has_the_exact_posterior() -> None:
    inputs, targets = data()
    alpha = 0.7
    # a Gamma prior with this shape is so narrow that alpha changes by less than 1e-8
    result = variational_regression(
        inputs, targets, noise_precision=TAU, shape=1e10, rate=1e10 / alpha
    )
    exact = posterior(inputs, targets, noise_precision=TAU, weight_precision=alpha)
    assert result.precision == pytest.approx(alpha, rel=1e-8)
    torch.testing.assert_close(result.weights.mean, exact.mean, rtol=0, atol=1e-8)
    torch.testing.assert_close(result.weights.covariance, exact.covariance, rtol=0, atol=1e-8)


def test_exact_posterior_is_that_of_the_joint_normal_distribution() -> None:
    inputs, targets = data()
    exact = posterior(inputs, targets, noise_precision=TAU, weight_precision=2.0)
    # w and t are jointly normal: condition on t
    both = inputs @ inputs.T / 2 + torch.eye(len(targets)) / TAU
    gain = (inputs.T / 2) @ both.inverse()
    torch.testing.assert_close(exact.mean, gain @ targets, rtol=0, atol=1e-12)
    torch.testing.assert_close(
        exact.covariance, torch.eye(3) / 2 - gain @ inputs / 2, rtol=0, atol=1e-12
    )


@pytest.mark.parametrize(("shape", "rate"), [(1e-2, 1e-2), (2.0, 1.0), (5.0, 50.0)])
def test_bound_increases_and_stays_below_the_evidence(shape: float, rate: float) -> None:
    inputs, targets = data()
    result = variational_regression(inputs, targets, noise_precision=TAU, shape=shape, rate=rate)
    rises = np.diff(result.bounds)
    assert len(rises) > 2
    assert (rises > -1e-11).all()  # rounding of a bound near -30
    assert rises[0] > 1e-6
    exact = evidence(inputs, targets, shape, rate)
    assert result.bounds[-1] <= exact
    # the bound misses KL(q || posterior), small since w and alpha hardly depend on each other
    assert result.bounds[-1] == pytest.approx(exact, abs=0.2)


def test_the_result_is_a_fixed_point() -> None:
    inputs, targets = data()
    result = variational_regression(inputs, targets, noise_precision=TAU, shape=2.0, rate=1.0)
    again = posterior(inputs, targets, noise_precision=TAU, weight_precision=result.precision)
    torch.testing.assert_close(again.mean, result.weights.mean, rtol=0, atol=1e-6)
    mean_square = again.mean.square().sum() + again.covariance.trace()
    assert result.shape == 2 + 3 / 2
    assert result.rate == pytest.approx(1 + float(mean_square) / 2, rel=1e-6)


def test_stops_after_max_sweeps() -> None:
    result = variational_regression(*data(), noise_precision=TAU, max_sweeps=1)
    assert isinstance(result, VariationalRegression)
    assert len(result.bounds) == 2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"noise_precision": 0.0}, "`noise_precision` must be > 0 and finite, got 0.0"),
        ({"shape": -1.0}, "`shape` must be > 0 and finite, got -1.0"),
        ({"rate": math.inf}, "`rate` must be > 0 and finite, got inf"),
        ({"max_sweeps": 0}, "`max_sweeps` must be at least 1, got 0"),
        ({"tolerance": -1.0}, "`tolerance` must be at least 0, got -1.0"),
    ],
)
def test_refuses_numbers(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        variational_regression(*data(), **{"noise_precision": TAU, **wrong})


@pytest.mark.usefixtures("no_shape_checks")
def test_refuses_data() -> None:
    inputs, targets = data()
    with pytest.raises(ValueError, match=r"must have shapes .* got \(20, 3\) and \(19,\)"):
        posterior(inputs, targets[:-1], noise_precision=1.0, weight_precision=1.0)
    with pytest.raises(ValueError, match="must be finite, got NaN or infinity"):
        posterior(inputs / 0, targets, noise_precision=1.0, weight_precision=1.0)
    with pytest.raises(ValueError, match="`weight_precision` must be > 0 and finite, got 0"):
        posterior(inputs, targets, noise_precision=1.0, weight_precision=0.0)
