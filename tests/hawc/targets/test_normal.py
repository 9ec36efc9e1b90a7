"""The normal distribution: scaling, rotation and quadrature, and what it rejects."""

import math

import pytest
import torch
from scipy import stats
from torch import Tensor

from hawc.kernels import AbstractKernel, Energy, GaussianComplement, HuberEnergy, Power
from hawc.targets import GaussianMixture, Normal, StandardNormal
from tests.hawc.targets.samples import seeded

DIMS = [1, 2, 16, 64]
KERNELS = [Energy(), HuberEnergy(), HuberEnergy(0.5), Power(0.8, 0.5), GaussianComplement()]


def rotation(dim: int, seed: int = 1) -> Tensor:
    return torch.linalg.qr(torch.randn(dim, dim, generator=seeded(seed)))[0]


@pytest.mark.parametrize("kernel", KERNELS, ids=repr)
@pytest.mark.parametrize("dim", DIMS)
def test_unit_covariance_is_the_standard_normal(kernel: AbstractKernel, dim: int) -> None:
    standard, x = StandardNormal(dim), 3 * torch.randn(6, dim, generator=seeded())
    for covariance in (1.0, torch.eye(dim)):
        target = Normal(torch.full((dim,), 2.0), covariance)
        shifted, centered = target.potential(kernel)(x + 2), standard.potential(kernel)(x)
        # 2 is lost from x + 2 again to a few eps of it
        torch.testing.assert_close(shifted, centered, rtol=1e-13, atol=0)
        assert target.self_energy(kernel) == pytest.approx(
            standard.self_energy(kernel), rel=1e-13, abs=0
        )


@pytest.mark.parametrize("scale", [1e-2, 0.5, 30.0])
@pytest.mark.parametrize("dim", DIMS)
def test_potential_scales_with_the_standard_deviation(scale: float, dim: int) -> None:
    # |sx - sz| = s |x - z|
    x = torch.randn(6, dim, generator=seeded())
    for covariance in (scale**2, scale**2 * torch.eye(dim)):
        target = Normal(torch.zeros(dim), covariance)
        expected = scale * StandardNormal(dim).potential(Energy())(x)
        # 1e-12: the mixture of |x - y| on nodes shifted by log scale^2; measured 3e-14
        torch.testing.assert_close(
            target.potential(Energy())(scale * x), expected, rtol=1e-12, atol=0
        )
        energy = scale * StandardNormal(dim).self_energy(Energy())
        assert target.self_energy(Energy()) == pytest.approx(energy, rel=1e-12, abs=0)


@pytest.mark.parametrize("kernel", KERNELS, ids=repr)
@pytest.mark.parametrize("dim", [2, 16])
def test_rotating_distribution_and_point_changes_nothing(kernel: AbstractKernel, dim: int) -> None:
    variances = torch.logspace(-3, 2, dim)
    mean, x = torch.arange(float(dim)), 5 * torch.randn(6, dim, generator=seeded())
    turn = rotation(dim)
    target = Normal(mean, variances.diag())
    turned = Normal(turn @ mean, (turn * variances) @ turn.T)
    potentials = [target.potential(kernel)(x), turned.potential(kernel)(x @ turn.T)]
    # dim roundings of variances up to 100 shift those of 1e-3 by a relative 1e-10 at most
    torch.testing.assert_close(*potentials, rtol=1e-11, atol=0)
    assert turned.self_energy(kernel) == pytest.approx(target.self_energy(kernel), rel=1e-11, abs=0)


def test_a_distribution_in_a_plane_is_the_distribution_of_the_plane() -> None:
    flat = Normal(torch.tensor([1.0, 2.0, 0.0]), torch.tensor([2.0, 0.5, 0.0]).diag())
    inside = Normal(torch.tensor([1.0, 2.0]), torch.tensor([2.0, 0.5]).diag())
    x = torch.randn(5, 2, generator=seeded())
    lifted = torch.cat([x, torch.zeros(5, 1)], 1)
    kernel = HuberEnergy()
    torch.testing.assert_close(flat.potential(kernel)(lifted), inside.potential(kernel)(x))
    assert flat.self_energy(kernel) == pytest.approx(inside.self_energy(kernel), rel=1e-13, abs=0)
    assert torch.equal(flat.sample(50, generator=seeded())[:, 2], torch.zeros(50))


@pytest.mark.parametrize("covariance", [0.0, torch.zeros(2, 2)])
def test_without_variance_it_is_a_point(covariance: float | Tensor) -> None:
    mean, x = torch.tensor([1.0, -1.0]), torch.randn(5, 2, generator=seeded())
    target, kernel = Normal(mean, covariance), HuberEnergy(0.1)
    computed = target.potential(kernel)(torch.cat([x, mean[None]]))
    expected = kernel(torch.cat([x, mean[None]]), mean[None])[:, 0]
    torch.testing.assert_close(computed, expected, rtol=1e-11, atol=1e-15)  # of the mixture
    assert target.self_energy(kernel) == pytest.approx(0, abs=1e-15)
    assert torch.equal(target.sample(3, generator=seeded()), mean.expand(3, 2))
    points = mean[None].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(target.potential(kernel)(points).sum(), points)
    assert torch.equal(gradient, torch.zeros(1, 2))


def test_is_named_by_its_parameters() -> None:
    assert repr(Normal(torch.tensor([0.1, 2.0]), 0.1)) == "Normal(mean=[0.1, 2.0], covariance=0.1)"
    torch.set_default_dtype(torch.float32)  # in which 0.1 is another number
    assert repr(Normal(torch.zeros(1), 0.1)) == "Normal(mean=[0.0], covariance=0.1)"
    targets = [Normal(torch.zeros(9), torch.eye(9) * s) for s in (1.0, 1.0, 1.0000001)]
    assert repr(targets[0]) == repr(targets[1]) != repr(targets[2])


def test_is_a_mixture_of_one() -> None:
    target = Normal(torch.tensor([1.0, 2.0]), 3.0)
    mixture = GaussianMixture(None, torch.tensor([[1.0, 2.0]]), 3.0)
    x = torch.randn(5, 2, generator=seeded())
    assert torch.equal(target.potential(Energy())(x), mixture.potential(Energy())(x))
    assert target.self_energy(Energy()) == mixture.self_energy(Energy())


@pytest.mark.parametrize("mean", [torch.zeros(0), torch.zeros(1, 2), torch.tensor([math.nan])])
@pytest.mark.usefixtures("no_shape_checks")
def test_rejects_a_mean(mean: Tensor) -> None:
    with pytest.raises(ValueError, match=r"`mean` must be finite with shape \(d,\), d >= 1, got"):
        Normal(mean, 1.0)


@pytest.mark.parametrize("shape", [(2,), (3, 3), (1, 2, 2)])
@pytest.mark.usefixtures("no_shape_checks")
def test_rejects_a_covariance_of_wrong_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"`covariance` must be a number or have shape \(2, 2\)"):
        Normal(torch.zeros(2), torch.ones(shape))


def test_rejects_a_covariance_under_its_own_name() -> None:
    with pytest.raises(ValueError, match="`covariance` must have no negative variance"):
        Normal(torch.zeros(2), -1.0)


def test_log_density_is_that_of_scipy() -> None:
    mean, covariance = torch.tensor([1.0, -2.0]), torch.tensor([[2.0, 0.9], [0.9, 1.0]])
    x = 3 * torch.randn(20, 2, generator=seeded())
    target = Normal(mean, covariance)
    expected = torch.from_numpy(
        stats.multivariate_normal(mean.numpy(), covariance.numpy()).logpdf(x.numpy())
    )
    # 1e-12: rounding of exponents up to 40
    torch.testing.assert_close(target.log_density(x), expected, rtol=0, atol=1e-12)
    assert torch.equal(target.mean, mean)
    assert torch.equal(target.covariance, covariance)
    assert torch.equal(Normal(mean, 3.0).covariance, 3 * torch.eye(2))


def test_a_number_keeps_its_digits_as_a_covariance() -> None:
    torch.set_default_dtype(torch.float32)  # in which 0.1 is another number
    for target in (Normal(torch.zeros(2), 0.1), Normal(torch.zeros(1), 1e-4)):
        variance = 0.1 if target.dim == 2 else 1e-4
        assert torch.equal(target.covariance, variance * torch.eye(target.dim, dtype=torch.float64))


def test_changing_returned_parameters_changes_nothing() -> None:
    target = Normal(torch.zeros(2), 1.0)
    target.mean.fill_(5)
    target.covariance.fill_(5)
    assert torch.equal(target.mean, torch.zeros(2))
    assert torch.equal(target.covariance, torch.eye(2))
