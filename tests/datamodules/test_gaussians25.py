"""Twenty-five Gaussians: the published numbers, and a variance of about 1."""

import pytest
import torch

from datamodules import Gaussians25


def test_numbers_are_the_published_ones() -> None:
    data = Gaussians25()
    modes = (data.modes * 2.828).round(decimals=4).tolist()
    assert sorted(modes) == [[2.0 * i, 2.0 * j] for i in range(-2, 3) for j in range(-2, 3)]
    assert data.mode_std == pytest.approx(0.05 / 2.828)


def test_coordinates_have_about_unit_variance() -> None:
    points, _ = Gaussians25().sample(50_000, generator=torch.Generator().manual_seed(0))
    # 8 / 2.828^2 = 1.0003; 0.02 is over four standard errors
    assert points.var(0).tolist() == pytest.approx([1.0, 1.0], abs=0.02)
