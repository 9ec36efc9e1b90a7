"""Normal mixtures against mpmath, sums of their parts and Monte Carlo, and what they reject."""

import math

import mpmath
import pytest
import torch
from scipy import stats
from torch import Tensor

from hawc.compression import Deterministic, compress
from hawc.distances import squared_distance_to
from hawc.kernels import AbstractKernel, Energy, HuberEnergy
from hawc.targets import Empirical, GaussianMixture, Normal
from tests.hawc.targets.samples import assert_within_standard_errors, seeded, values

AXIS = 5.0 * torch.arange(4.0, dtype=torch.float64)
GRID = torch.cartesian_prod(AXIS, AXIS)  # the centres of the seeds' test of 16 components
WEIGHTS, MEANS = [0.3, 0.7], [-1.0, 2.0]


def random_covariances(count: int, dim: int) -> Tensor:
    factors = torch.randn(count, dim, dim, generator=seeded(1)) / math.sqrt(dim)
    return factors @ factors.mT


def density(z: mpmath.mpf, variances: list[float], pairs: bool = False) -> mpmath.mpf:
    """Of the distribution on the line with WEIGHTS and MEANS, or of Z - Z' for two samples of
    it.
    """
    parts = list(zip(WEIGHTS, MEANS, variances, strict=True))
    if pairs:
        parts = [(p * q, m - k, v + u) for p, m, v in parts for q, k, u in parts]
    return sum(p * mpmath.npdf(z, m, mpmath.sqrt(v)) for p, m, v in parts)


@pytest.mark.parametrize("a", [0.0, 1e-5, 0.1, 3.0])
@pytest.mark.parametrize("variances", [[1.0, 1.0], [0.04, 9.0]])
def test_potential_and_self_energy_on_the_line_match_mpmath(
    a: float, variances: list[float]
) -> None:
    kernel = HuberEnergy(a) if a else Energy()
    target = GaussianMixture(
        torch.tensor(WEIGHTS), torch.tensor(MEANS)[:, None], torch.tensor(variances)
    )
    knots = [-40, -10, -3, -2, -1, 0, 1, 2, 3, 5, 10, 40]  # outside: e^-80

    def mean(x: float, pairs: bool) -> float:
        cuts = sorted({*knots, *(x + s * a for s in (-100, -10, -1, 0, 1, 10, 100))})
        cuts = [cut for cut in cuts if -40 <= cut <= 40]
        return float(
            mpmath.quad(
                lambda z: (mpmath.sqrt(a * a + (x - z) ** 2) - a) * density(z, variances, pairs),
                cuts,
            )
        )

    points = [-4.0, -1.0, 0.3, 2.0, 30.0]
    computed = target.potential(kernel)(torch.tensor(points)[:, None])
    # measured: 2e-14, the kernel's mixture and the quadrature
    assert computed.tolist() == pytest.approx([mean(x, False) for x in points], rel=1e-12, abs=0)
    assert 2 * target.self_energy(kernel) == pytest.approx(mean(0.0, True), rel=1e-12, abs=0)


@pytest.mark.parametrize("kernel", [Energy(), HuberEnergy(0.5)], ids=repr)
@pytest.mark.parametrize("isotropic", [True, False])
def test_potential_is_the_mean_of_its_components(kernel: AbstractKernel, isotropic: bool) -> None:
    covariances = torch.tensor([0.1, 1.0, 7.0]) if isotropic else random_covariances(3, 4)
    weights, means = torch.tensor([1.0, 2.0, 5.0]), 4 * torch.randn(3, 4, generator=seeded())
    target = GaussianMixture(weights, means, covariances)
    x = 4 * torch.randn(6, 4, generator=seeded(2))
    parts = [
        weight
        / 8
        * Normal(mean, covariance if covariance.ndim else float(covariance)).potential(kernel)(x)
        for weight, mean, covariance in zip(weights, means, covariances, strict=True)
    ]
    # the same sums in another order
    torch.testing.assert_close(
        target.potential(kernel)(x), torch.stack(parts).sum(0), rtol=1e-13, atol=0
    )


@pytest.mark.parametrize("kernel", [Energy(), HuberEnergy(0.5)], ids=repr)
def test_isotropic_components_are_covariances_like_others(kernel: AbstractKernel) -> None:
    variances = torch.tensor([0.1, 1.0, 7.0])
    means, x = torch.randn(3, 4, generator=seeded()), torch.randn(6, 4, generator=seeded(1))
    scalar = GaussianMixture(None, means, variances)
    matrices = GaussianMixture(None, means, variances[:, None, None] * torch.eye(4))
    potentials = [target.potential(kernel)(x) for target in (scalar, matrices)]
    torch.testing.assert_close(*potentials, rtol=1e-13, atol=0)
    assert scalar.self_energy(kernel) == pytest.approx(
        matrices.self_energy(kernel), rel=1e-13, abs=0
    )


@pytest.mark.parametrize("dim", [2, 32])
@pytest.mark.parametrize("isotropic", [True, False])
def test_potential_and_self_energy_match_monte_carlo(dim: int, isotropic: bool) -> None:
    covariances = torch.tensor([0.1, 1.0, 3.0]) if isotropic else random_covariances(3, dim)
    means = 2 * torch.randn(3, dim, generator=seeded())
    target = GaussianMixture(torch.tensor([1.0, 2.0, 3.0]), means, covariances)
    kernel, generator = HuberEnergy(), seeded()
    first, second = (target.sample(20_000, generator=generator) for _ in range(2))
    for x in (means[:1], torch.zeros(1, dim)):
        assert_within_standard_errors(values(kernel, x, first), float(target.potential(kernel)(x)))
    assert_within_standard_errors(values(kernel, first, second) / 2, target.self_energy(kernel))


def test_components_without_variance_are_a_weighted_sample() -> None:
    weights, points = torch.tensor([1.0, 2.0, 5.0]), torch.randn(3, 2, generator=seeded())
    target, sample = GaussianMixture(weights, points, 0.0), Empirical(points, weights)
    kernel, x = HuberEnergy(0.1), torch.randn(6, 2, generator=seeded(1))
    torch.testing.assert_close(  # 1e-11: the kernel's mixture
        target.potential(kernel)(x), sample.potential(kernel)(x), rtol=1e-11, atol=0
    )
    assert target.self_energy(kernel) == pytest.approx(sample.self_energy(kernel), rel=1e-11, abs=0)


@pytest.mark.parametrize("isotropic", [True, False])
def test_draws_have_its_moments(isotropic: bool) -> None:
    covariances = torch.tensor([0.5, 2.0]) if isotropic else random_covariances(2, 2)
    weights, means = torch.tensor([0.25, 0.75]), torch.tensor([[0.0, 100.0], [50.0, -100.0]])
    samples = GaussianMixture(weights, means, covariances).sample(20_000, generator=seeded())
    full = covariances[:, None, None] * torch.eye(2) if isotropic else covariances
    for c, above in enumerate((samples[:, 1] > 0, samples[:, 1] < 0)):
        own, n = samples[above], int(above.sum())
        assert abs(n - 20_000 * weights[c]) < 4 * math.sqrt(20_000 * 0.25 * 0.75)
        variances = full[c].diagonal()
        assert ((own.mean(0) - means[c]).abs() < 4 * (variances / n).sqrt()).all()
        errors = ((torch.outer(variances, variances) + full[c].square()) / n).sqrt()
        assert ((own.T.cov() - full[c]).abs() < 4 * errors).all()


@pytest.mark.integration
def test_grid_of_sixteen_gets_three_points_a_component() -> None:
    grid = GaussianMixture(None, GRID, 1.0)
    found = compress(grid, 48, solver=Deterministic(max_iterations=60), generator=seeded())
    nearest = torch.cdist(found.points, GRID).argmin(1)
    assert nearest.bincount(minlength=16).tolist() == [3] * 16
    # measured 0.00514; i.i.d. samples have 0.107 on average
    assert 0 < squared_distance_to(HuberEnergy(), found.points, grid) < 0.0054


def test_is_made_from_float32_and_from_tensors_of_another_mode() -> None:
    covariances = random_covariances(3, 6)[:, :, :4].float()
    covariances = covariances @ covariances.mT  # singular and rounded
    with torch.inference_mode():
        target = GaussianMixture(
            torch.ones(3).float(), torch.zeros(3, 6).float(), covariances.clone()
        )
    x = torch.ones(2, 6, requires_grad=True)
    (gradient,) = torch.autograd.grad(target.potential(Energy())(x).sum(), x)
    assert gradient.isfinite().all()
    assert target.self_energy(Energy()) > 0


def test_changing_the_arguments_afterwards_changes_nothing() -> None:
    weights, means, variances = torch.ones(2), torch.zeros(2, 2), torch.ones(2)
    target = GaussianMixture(weights, means, variances)
    before = target.potential(Energy())(torch.ones(1, 2)), repr(target)
    for tensor in (weights, means, variances):
        tensor.mul_(3).add_(torch.arange(2.0))
    assert (target.potential(Energy())(torch.ones(1, 2)), repr(target)) == before


def test_is_named_by_its_parameters() -> None:
    target = GaussianMixture(None, torch.tensor([[0.1], [2.0]]), 3.0)
    expected = "weights=[0.5, 0.5], means=[[0.1], [2.0]], covariances=[3.0, 3.0]"
    assert repr(target) == f"GaussianMixture({expected})"
    names = {
        repr(GaussianMixture(weights, GRID + shift, covariances))
        for weights in (None, torch.arange(1.0, 17.0))
        for shift in (0.0, 1e-15)
        for covariances in (1.0, 1.0 + 1e-15, torch.eye(2).expand(16, 2, 2))
    }
    assert len(names) == 12


@pytest.mark.parametrize("shape", [(0, 2), (3, 0), (3,)])
@pytest.mark.usefixtures("no_shape_checks")
def test_rejects_means_of_wrong_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"`means` must have shape \(n, d\) with n >= 1, d >= 1"):
        GaussianMixture(None, torch.ones(shape), 1.0)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_rejects_means_that_are_not_finite(value: float) -> None:
    with pytest.raises(ValueError, match="`means` must be finite, got NaN or infinite"):
        GaussianMixture(None, torch.tensor([[0.0], [value]]), 1.0)


@pytest.mark.parametrize("shape", [(2,), (3, 2), (2, 2, 2), (3, 2, 3)])
@pytest.mark.usefixtures("no_shape_checks")
def test_rejects_covariances_of_wrong_shape(shape: tuple[int, ...]) -> None:
    message = r"`covariances` must be a number or have shape \(3,\) or \(3, 2, 2\), got"
    with pytest.raises(ValueError, match=message):
        GaussianMixture(None, torch.zeros(3, 2), torch.ones(shape))


@pytest.mark.parametrize("variance", [-1.0, math.nan])
def test_rejects_a_variance(variance: float) -> None:
    with pytest.raises(ValueError, match="`covariances` must"):
        GaussianMixture(None, torch.zeros(3, 2), variance)


@pytest.mark.parametrize("general", [False, True])
def test_log_density_is_that_of_scipy(general: bool) -> None:
    weights, means = torch.tensor([0.2, 0.0, 0.8]), torch.tensor([[0.0, 0], [9, 9], [3, -1]])
    variances = torch.tensor([0.5, 1.0, 2.0])
    covariances = variances[:, None, None] * torch.tensor([[1.0, 0.3], [0.3, 1.0]])
    if not general:
        covariances = variances[:, None, None] * torch.eye(2)
    target = GaussianMixture(weights, means, covariances if general else variances)
    x = 3 * torch.randn(20, 2, generator=torch.Generator().manual_seed(0))
    expected = sum(
        w * stats.multivariate_normal(m, c).pdf(x.numpy())
        for w, m, c in zip(weights.tolist(), means.numpy(), covariances.numpy(), strict=True)
    )
    torch.testing.assert_close(
        target.log_density(x).exp(), torch.from_numpy(expected), rtol=1e-12, atol=0
    )
    assert target.log_density(x.float()).dtype == torch.float32


def test_a_component_without_variance_has_no_density() -> None:
    target = GaussianMixture(None, torch.zeros(2, 1), torch.tensor([1.0, 0.0]))
    with pytest.raises(ValueError, match="`covariances` must be regular for a density, got a comp"):
        target.log_density(torch.zeros(1, 1))
