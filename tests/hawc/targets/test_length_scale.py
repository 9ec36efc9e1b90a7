"""The unit of length of distributions, and kernels taken into it."""

import pytest
import torch

from hawc import Empirical, StandardNormal
from hawc.kernels import (
    AbstractKernel,
    Energy,
    GaussianComplement,
    HuberEnergy,
    Mixture,
    Power,
    Quotient,
)
from hawc.targets import AbstractTarget, GaussianMixture, Normal, StudentT, UniformCube
from hawc.targets.length_scale import estimate_length_scale, rescaled_kernel

KERNELS = [
    Energy(),
    HuberEnergy(0.1),
    Power(0.3, 0.1),
    Quotient(0.5),
    Quotient(1.0),
    GaussianComplement(),
]


def cloud(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("dim", [1, 2, 16, 128])
def test_length_of_a_normal_cloud_is_about_its_deviation(dim: int) -> None:
    # a distance to neighbors is nearer to the deviation in few dimensions
    assert 0.1 < estimate_length_scale(cloud(1000, dim)) < 1.5


@pytest.mark.parametrize("scale", [1e-12, 1e-3, 1e12])
def test_length_scales_with_the_points(scale: float) -> None:
    points = cloud(300, 3)
    assert estimate_length_scale(scale * points) == pytest.approx(
        scale * estimate_length_scale(points), rel=1e-12
    )


def test_length_is_that_of_a_group() -> None:
    points = cloud(1000, 4)
    alone, far = estimate_length_scale(points), points.clone()
    far[::2] += 1e8
    assert estimate_length_scale(far) == pytest.approx(alone, rel=0.5)  # half as many neighbours
    far = points.clone()
    far[0] = 1e8
    assert estimate_length_scale(far) == pytest.approx(alone, rel=0.05)  # one point less
    copies = points.repeat_interleave(40, 0)  # do not count as neighbors
    assert estimate_length_scale(copies) > 0.3 * alone


def test_length_of_few_points_is_positive() -> None:
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
def test_distributions_know_their_length(target: AbstractTarget, length: float) -> None:
    assert target.length_scale == pytest.approx(length, rel=1e-12)


@pytest.mark.parametrize("kernel", KERNELS, ids=repr)
@pytest.mark.parametrize("length", [1e-6, 3.0, 1e5])
def test_kernels_have_a_form_in_other_units(kernel: AbstractKernel, length: float) -> None:
    squared = torch.tensor([0.0, 1e-3, 1.0, 50.0])
    other, factor = kernel.rescaled(length) or (kernel, 1.0)
    expected = kernel.profile(length**2 * squared)
    torch.testing.assert_close(factor * other.profile(squared), expected, rtol=1e-10, atol=0)


class Bare(AbstractKernel):
    """A user's kernel that says nothing of units."""

    def profile(self, squared_norm: torch.Tensor) -> torch.Tensor:
        return squared_norm

    def slope(self, squared_norm: torch.Tensor) -> torch.Tensor:
        return torch.ones_like(squared_norm)

    def mixture(self) -> Mixture:
        return torch.ones(1), torch.ones(1)


def test_distributions_of_ordinary_size_and_bare_kernels_stay_as_they_are() -> None:
    for size in (0.0, 1e-3, 1.0, 5e3):
        assert rescaled_kernel(Energy(), size) == (Energy(), 1.0, 1.0)
    kernel = Bare()
    assert rescaled_kernel(kernel, 1e-9) == (kernel, 1.0, 1.0)
    assert rescaled_kernel(Energy(), 1e-9) == (Energy(), 2.0**-30, 2.0**-30)
