"""The Student t distribution against the paper's constant, SciPy and Monte Carlo."""

import math

import pytest
import torch
from scipy import integrate, stats

from hawc.kernels import HuberEnergy
from hawc.targets import StandardNormal, StudentT
from tests.hawc.targets.samples import assert_within_standard_errors, on_first_axis, seeded

DIMS = [1, 2, 8, 64, 128]
TINY = HuberEnergy(1e-8)  # |h - |x - y|| <= 1e-8


@pytest.mark.parametrize(
    ("dim", "constant"),
    [(1, 1.57080), (2, 2.54648), (4, 4.52707), (8, 8.51459), (64, 64.50194), (128, 128.50097)],
)
def test_student_approximating_normal_has_the_papers_constant(dim: int, constant: float) -> None:
    target = StudentT.approximating_normal(dim)
    # as many digits as given
    assert target.scale**2 * (dim + 1) == pytest.approx(constant, abs=6e-6)


@pytest.mark.parametrize("dim", DIMS)
def test_student_approximating_normal_has_the_normal_curvature_at_0(dim: int) -> None:
    x = on_first_axis([0.0, 0.01], dim)
    student = StudentT.approximating_normal(dim).potential(TINY)(x).diff()
    normal = StandardNormal(dim).potential(TINY)(x).diff()
    assert float(student) == pytest.approx(float(normal), rel=1e-3)  # next order: r^2 = 1e-4


@pytest.mark.parametrize("dim", [2, 8, 64])  # the variance of |x - Y| is infinite for dim = 1
@pytest.mark.parametrize("radius", [0.0, 1.0, 5.0])
def test_student_potential_matches_monte_carlo(dim: int, radius: float) -> None:
    target, x = StudentT(dim, 1.3), on_first_axis([radius], dim)
    samples = (x - target.sample(50_000, generator=seeded())).norm(dim=1)
    assert_within_standard_errors(samples, float(target.potential(HuberEnergy())(x)))


@pytest.mark.parametrize("dim", [2, 8, 64])
def test_student_self_energy_matches_monte_carlo(dim: int) -> None:
    target, generator = StudentT(dim, 1.3), seeded()
    first, second = (target.sample(50_000, generator=generator) for _ in range(2))
    assert_within_standard_errors(
        (first - second).norm(dim=1) / 2, target.self_energy(HuberEnergy())
    )


def test_student_on_the_line_matches_scipy() -> None:
    target, reference = StudentT(1, 1.5), stats.t(2, scale=1.5)
    samples = target.sample(20_000, generator=seeded()).flatten()
    assert stats.kstest(samples.numpy(), reference.cdf).pvalue > 1e-3
    # 1/2 E|Y - Y'| = int F (1 - F)
    energy, _ = integrate.quad(lambda s: reference.cdf(s) * reference.sf(s), -math.inf, math.inf)
    assert target.self_energy(TINY) == pytest.approx(energy, abs=1e-7)  # a, and quad's 1.5e-8


def test_student_draws_have_its_covariance() -> None:
    samples = StudentT(8, 0.7).sample(50_000, generator=seeded())
    variance = 0.7**2 * 9 / 7
    error = variance * math.sqrt(3.2 / 50_000)  # kurtosis of t with 9 degrees of freedom: 4.2
    assert float((samples.T.cov() - variance * torch.eye(8)).abs().max()) < 4 * error


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf])
def test_student_rejects_a_scale(scale: float) -> None:
    with pytest.raises(ValueError, match="`scale` must be a positive finite number, got"):
        StudentT(2, scale)


@pytest.mark.parametrize("method", ["potential", "self_energy"])
def test_student_rejects_a_kernel_without_closed_form(method: str) -> None:
    with pytest.raises(ValueError, match=r"`kernel` must be HuberEnergy\(a\) with a <= 0\.002"):
        getattr(StudentT(2, 2.0), method)(HuberEnergy(0.1))


def test_student_is_named_by_its_parameters() -> None:
    assert repr(StudentT(2, 1.3)) == "StudentT(dim=2, scale=1.3)"
    assert repr(StudentT(2, 1.3 + 1e-15)) != repr(StudentT(2, 1.3))
    # of twelve digits, in which all mathematical libraries agree
    assert repr(StudentT.approximating_normal(2)) == "StudentT(dim=2, scale=0.921317731924)"
