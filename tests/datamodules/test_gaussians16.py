"""Sixteen Gaussians: the distribution of the sampler's example."""

import torch

from datamodules import Gaussians16
from examples import grid
from hawc.targets import GaussianMixture


def test_distribution_is_that_of_the_example() -> None:
    data = Gaussians16()
    assert torch.equal(data.modes, grid.CENTERS)
    target = GaussianMixture(None, data.modes, data.mode_std**2)
    assert repr(target) == repr(grid.TARGET)
