"""The correlated distribution: moments, density, refused correlations."""

import pytest
import torch
from torch.distributions import MultivariateNormal

from datamodules import GaussianEllipse


@pytest.mark.parametrize("correlation", [-0.5, 0.0, 0.9])
def test_points_have_the_moments_and_the_density_of_the_distribution(correlation: float) -> None:
    data = GaussianEllipse(correlation=correlation)
    points, labels = data.sample(100_000, generator=torch.Generator().manual_seed(0))
    # five standard errors of means, and of products of fourth moment at most 3
    assert (points.mean(0) - data.mean).abs().max() < 5 / 100_000**0.5
    assert (points.T.cov() - data.covariance).abs().max() < 5 * (2 / 100_000) ** 0.5
    assert not labels.any()
    expected = MultivariateNormal(data.mean, data.covariance).log_prob(points[:50])
    torch.testing.assert_close(data.log_density(points[:50]), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("correlation", [-1.0, 1.0, float("nan")])
def test_degenerate_correlations_are_refused(correlation: float) -> None:
    with pytest.raises(ValueError, match=r"`correlation` must be in \(-1, 1\), got"):
        GaussianEllipse(correlation=correlation)
