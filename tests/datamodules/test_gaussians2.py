"""Two modes: their centres and density."""

import torch
from torch.distributions import MultivariateNormal

from datamodules import Gaussians2


def test_points_lie_around_two_modes_with_their_density() -> None:
    data = Gaussians2()
    points, labels = data.sample(20_000, generator=torch.Generator().manual_seed(0))
    assert (points.sign()[:, 0].mean()).abs() < 5 / 20_000**0.5
    means = [points[labels == mode].mean(0) for mode in (0, 1)]
    # five standard errors of a coordinate's mean
    assert (torch.stack(means) - data.modes).abs().max() < 5 * 0.5 / 10_000**0.5
    one, other = (MultivariateNormal(mode, 0.25 * torch.eye(2)) for mode in data.modes)
    expected = (0.5 * one.log_prob(points).exp() + 0.5 * other.log_prob(points).exp()).log()
    torch.testing.assert_close(data.log_density(points), expected, rtol=1e-4, atol=1e-4)
