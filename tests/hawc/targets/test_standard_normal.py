"""The standard normal distribution against hypergeometric and Bessel functions, and quadrature."""

import math

import mpmath
import pytest
import torch
from scipy import integrate, stats

from hawc.kernels import HuberEnergy
from hawc.targets import StandardNormal
from tests.hawc.targets.samples import on_first_axis, seeded

DIMS = [1, 2, 8, 64, 128]
RADII = [0.0, 0.1, 1.0, 3.0, 10.0, 30.0, 100.0]
TINY = HuberEnergy(1e-8)  # |h - |x - y|| <= 1e-8


def gamma_ratio(dim: int) -> float:
    """G = E|Z - Z'| / 2 for standard normal Z, Z'."""
    return math.exp(math.lgamma((dim + 1) / 2) - math.lgamma(dim / 2))


def normal_mean_distance(dim: int, radius: float) -> float:
    value = mpmath.hyp1f1(-0.5, dim / 2, -(radius**2) / 2)
    return float(mpmath.sqrt(2) * gamma_ratio(dim) * value)


@pytest.mark.parametrize("dim", DIMS)
def test_normal_potential_is_a_hypergeometric_function(dim: int) -> None:
    computed = StandardNormal(dim).potential(TINY)(on_first_axis(RADII, dim))
    exact = torch.tensor([normal_mean_distance(dim, radius) for radius in RADII])
    torch.testing.assert_close(computed, exact, rtol=1e-9, atol=2e-8)  # 1e-8 = a, 4e-10 far away


def test_normal_potential_in_the_plane_is_a_bessel_function() -> None:
    x = on_first_axis(RADII, 2).requires_grad_()
    potential = StandardNormal(2).potential(TINY)(x)
    (gradient,) = torch.autograd.grad(potential.sum(), x)
    s = torch.tensor(RADII) ** 2
    i0, i1 = torch.special.i0e(s / 4), torch.special.i1e(s / 4)
    exact = math.sqrt(math.pi / 2) * ((1 + s / 2) * i0 + s / 2 * i1)
    slope = torch.tensor(RADII) * math.sqrt(math.pi / 8) * (i0 + i1)
    torch.testing.assert_close(potential.detach(), exact, rtol=1e-9, atol=2e-8)
    torch.testing.assert_close(gradient[:, 0], slope, rtol=1e-7, atol=2e-8)
    assert torch.equal(gradient[:, 1], torch.zeros(len(RADII)))


@pytest.mark.parametrize("dim", [1, 2, 8, 64])
@pytest.mark.parametrize("radius", [0.0, 0.5, 3.0])
def test_normal_potential_of_a_smooth_kernel_matches_quadrature(dim: int, radius: float) -> None:
    a = 0.5
    squared = stats.ncx2(dim, radius**2) if radius else stats.chi2(dim)  # distribution of |x - Z|^2

    def integrand(s: float) -> float:
        return 2 * s * squared.pdf(s * s) * (math.sqrt(a * a + s * s) - a)

    exact, _ = integrate.quad(integrand, 0, radius + math.sqrt(dim) + 10, epsabs=1e-10, limit=200)
    computed = StandardNormal(dim).potential(HuberEnergy(a))(on_first_axis([radius], dim))
    assert float(computed) == pytest.approx(exact, rel=1e-8)  # what quad and ncx2 deliver


@pytest.mark.parametrize("kernel", [HuberEnergy(), HuberEnergy(0.5)])
@pytest.mark.parametrize("dim", [1, 2, 8, 64])
def test_normal_gradient_comes_from_two_dimensions_more(kernel: HuberEnergy, dim: int) -> None:
    x = StandardNormal(dim).sample(6, generator=seeded()).requires_grad_()
    here = StandardNormal(dim).potential(kernel)(x)
    wider = torch.cat([x.detach(), torch.zeros(6, 2)], 1)
    there = StandardNormal(dim + 2).potential(kernel)(wider)
    (gradient,) = torch.autograd.grad(here.sum(), x)
    expected = x.detach() * (there - here.detach())[:, None]
    torch.testing.assert_close(gradient, expected, rtol=1e-10, atol=1e-12)  # difference of O(10)


@pytest.mark.parametrize("dim", DIMS)
def test_normal_self_energy_is_a_gamma_ratio(dim: int) -> None:
    # h = |x - y| - a + O(a^2), and half of it
    exact = gamma_ratio(dim) - TINY.a / 2
    assert StandardNormal(dim).self_energy(TINY) == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_normal_potential_far_away_is_the_distance(dim: int, dtype: torch.dtype) -> None:
    x = on_first_axis([1e4], dim).to(dtype).requires_grad_()
    potential = StandardNormal(dim).potential(HuberEnergy())(x)
    (gradient,) = torch.autograd.grad(potential.sum(), x)
    expected, slope = 1e4 + (dim - 1) / 2e4, 1 - (dim - 1) / 2e8  # up to O(1 / |x|^3)
    # 4e-9 is left out so far away; float32 sums two hundred terms of eps 6e-8
    tolerance = 1e-8 if dtype == torch.float64 else 2e-6
    assert potential.item() == pytest.approx(expected, rel=tolerance)
    assert float(gradient[0, 0]) == pytest.approx(slope, rel=10 * tolerance)


def test_normal_draws_have_its_moments() -> None:
    z = StandardNormal(3).sample(20_000, generator=seeded())
    assert float(z.mean(0).abs().max()) < 4 / math.sqrt(20_000)  # standard errors
    assert float((z.T.cov() - torch.eye(3)).abs().max()) < 4 * math.sqrt(2 / 20_000)
