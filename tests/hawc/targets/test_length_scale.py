"""Length scales of points and targets, and kernels in units of them."""

import pytest
import torch

from hawc import Empirical, StandardNormal
from hawc.kernels import (
    AbstractKernel,
    Energy,
    Mixture,
)
from hawc.targets import AbstractTarget, GaussianMixture, Normal, StudentT, UniformCube
from hawc.targets.length_scale import estimate_length_scale, rescaled_kernel


def cloud(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("dim", [1, 2, 16, 128])
def test_scale_of_normal_samples_is_about_their_deviation(dim: int) -> None:
    assert 0.1 < estimate_length_scale(cloud(1000, dim)) < 1.5


@pytest.mark.parametrize("scale", [1e-12, 1e-3, 1e12])
def test_scale_is_proportional_to_the_points(scale: float) -> None:
    points = cloud(300, 3)
    assert estimate_length_scale(scale * points) == pytest.approx(
        scale * estimate_length_scale(points), rel=1e-12
    )


def test_scale_is_that_of_a_group() -> None:
    points = cloud(1000, 4)
    alone, far = estimate_length_scale(points), points.clone()
    far[::2] += 1e8
    assert estimate_length_scale(far) == pytest.approx(alone, rel=0.5)  # half as many neighbours
    far = points.clone()
    far[0] = 1e8
    assert estimate_length_scale(far) == pytest.approx(alone, rel=0.05)  # one point less
    copies = points.repeat_interleave(40, 0)  # do not count as neighbors
    assert estimate_length_scale(copies) > 0.3 * alone


def test_scale_of_few_points_is_positive() -> None:
    assert estimate_length_scale(torch.zeros(3, 2)) == 1
    assert estimate_length_scale(torch.full((1, 2), 5e-9)) == pytest.approx(5e-9)
    assert estimate_length_scale(torch.tensor([[0.0], [2.0]])) == 2


@pytest.mark.parametrize(
    ("target", "length"),
    [
        (StandardNormal(7), 1.0),
        (Normal([1e9, 0.0], 4e-18), 2e-9),
        (Normal([0.0, 0.0], [[1.0, 0.0], [0.0, 7.0]]), 2.0),
        (GaussianMixture(None, [[0.0], [1e8]], 9.0), 3.0),
        (GaussianMixture(None, [[0.0], [4.0]], 0.0), 4.0),
        (StudentT(3, 1e6), 1e6),
        (UniformCube(2, -1e-6, 1e-6), 2e-6),
        (Empirical([[0.0], [3.0], [1e9]], [1, 1, 0]), 3.0),
    ],
)
def test_targets_know_their_scale(target: AbstractTarget, length: float) -> None:
    assert target.length_scale == pytest.approx(length, rel=1e-12)


class Bare(AbstractKernel):
    """A user's kernel without `rescaled`."""

    def profile(self, squared_norm: torch.Tensor) -> torch.Tensor:
        return squared_norm

    def slope(self, squared_norm: torch.Tensor) -> torch.Tensor:
        return torch.ones_like(squared_norm)

    def mixture(self) -> Mixture:
        return torch.ones(1), torch.ones(1)


def test_targets_of_ordinary_size_and_bare_kernels_stay_unchanged() -> None:
    for size in (0.0, 1e-3, 1.0, 5e3):
        assert rescaled_kernel(Energy(), size) == (Energy(), 1.0, 1.0)
    kernel = Bare()
    assert rescaled_kernel(kernel, 1e-9) == (kernel, 1.0, 1.0)
    assert rescaled_kernel(Energy(), 1e-9) == (Energy(), 2.0**-30, 2.0**-30)
