"""Properties of all targets."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import hawc.blocks
from hawc.compression import Deterministic, compress
from hawc.distances import squared_distance_to
from hawc.kernels import AbstractKernel, Energy, GaussianComplement, HuberEnergy, Power, Quotient
from hawc.targets import (
    AbstractTarget,
    Empirical,
    GaussianMixture,
    Normal,
    StandardNormal,
    StudentT,
    UniformCube,
)
from tests.hawc.targets.samples import assert_within_standard_errors, seeded, values

CORNERS = torch.eye(3, dtype=torch.float64)
TILTED = torch.tensor([[2.0, 0.5, 0.0], [0.5, 1.0, -0.3], [0.0, -0.3, 0.2]], dtype=torch.float64)
PAIR = torch.stack([TILTED, 0.1 * CORNERS])
MIXTURES = [  # those whose potentials are sums over the kernel's mixture
    StandardNormal(3),
    Normal(CORNERS[0], TILTED),
    GaussianMixture(CORNERS[0, :2] + 0.5, 3 * CORNERS[:2], torch.tensor([0.5, 2.0])),
    GaussianMixture(None, 3 * CORNERS[:2], PAIR),
    UniformCube(3, -0.5, 2.5),
]
ALL_TARGETS = [*MIXTURES, StudentT(3, 0.5), Empirical(CORNERS)]
KERNELS = [
    *(Energy(), HuberEnergy(), HuberEnergy(0.3), HuberEnergy(2.0)),
    *(Power(0.8, 0.5), Quotient(0.3, 1.0), GaussianComplement()),
]
each_target = pytest.mark.parametrize("target", ALL_TARGETS, ids=repr)
each_mixture = pytest.mark.parametrize("target", MIXTURES, ids=repr)


def scattered_points() -> Tensor:
    """Inside, outside, on the faces and corners of the cube, at the means, and far away."""
    inside = torch.randn(5, 3, generator=seeded())
    chosen = [[-0.5, 1.0, 1.0], [-0.5, -0.5, 2.5], [1.0, 1.0, 1.0], [3.0, 0.0, 0.0], [0.0] * 3]
    return torch.cat([inside, torch.tensor(chosen), 50 * inside[:2], 2e3 * inside[:2]])


@each_target
def test_same_seed_draws_the_same(target: AbstractTarget) -> None:
    first, again, other = (target.sample(20, generator=seeded(seed)) for seed in (1, 1, 2))
    assert first.shape == (20, target.dim)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@each_target
def test_draws_have_the_default_dtype_and_potentials_that_of_the_point(
    target: AbstractTarget,
) -> None:
    assert target.sample(2, generator=seeded()).dtype == torch.float64
    assert target.potential(HuberEnergy())(torch.zeros(1, 3).float()).dtype == torch.float32
    torch.set_default_dtype(torch.float32)
    assert target.sample(2, generator=seeded()).dtype == torch.float32
    assert target.potential(HuberEnergy())(torch.zeros(1, 3).double()).dtype == torch.float64


@pytest.mark.parametrize("kernel", KERNELS, ids=repr)
@each_mixture
def test_potential_matches_monte_carlo(target: AbstractTarget, kernel: AbstractKernel) -> None:
    samples = target.sample(20_000, generator=seeded())
    for x, potential in zip(CORNERS, target.potential(kernel)(CORNERS).tolist(), strict=True):
        assert_within_standard_errors(values(kernel, x[None], samples), potential)


@pytest.mark.parametrize("kernel", KERNELS, ids=repr)
@each_mixture
def test_self_energy_is_half_the_mean_potential(
    target: AbstractTarget, kernel: AbstractKernel
) -> None:
    potential = target.potential(kernel)(target.sample(1000, generator=seeded()))
    assert_within_standard_errors(potential / 2, target.self_energy(kernel))


@each_mixture
@pytest.mark.parametrize("kernel", [HuberEnergy(0.3), Power(0.8, 0.5), GaussianComplement()])
def test_gradient_matches_finite_differences(
    target: AbstractTarget, kernel: AbstractKernel
) -> None:
    x = scattered_points()[:12].requires_grad_()
    # differences over 1e-6 of values of up to 100
    assert torch.autograd.gradcheck(target.potential(kernel), x, atol=1e-6, rtol=1e-5)


@each_target
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradient_is_the_direction_far_away(target: AbstractTarget, dtype: torch.dtype) -> None:
    direction = torch.nn.functional.normalize(torch.tensor([[1.0, -2.0, 3.0]]))
    for distance in (1e3, 1e5, 1e7):
        x = (distance * direction).to(dtype).requires_grad_()
        potential = target.potential(HuberEnergy())(x)
        (gradient,) = torch.autograd.grad(potential.sum(), x)
        # the distributions are a few units wide; float32 sums four hundred terms of eps 6e-8
        tolerance = 5 / distance + (1e-9 if dtype == torch.float64 else 1e-5)
        assert float(potential.detach()) == pytest.approx(distance, rel=tolerance)
        assert torch.allclose(gradient.double(), direction, atol=tolerance)


@each_target
def test_float32_matches_float64(target: AbstractTarget) -> None:
    potential, x = target.potential(HuberEnergy()), scattered_points().float()
    computed = potential(x)
    # four hundred terms of eps 6e-8; measured: 1e-6 at most
    torch.testing.assert_close(computed.double(), potential(x.double()), rtol=4e-6, atol=0)


@each_target
@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_half_precision_is_raised(target: AbstractTarget, half: torch.dtype) -> None:
    potential, x = target.potential(HuberEnergy()), scattered_points()[:10].to(half)
    expected = potential(x.float())
    assert torch.equal(potential(x), expected)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(potential(x.float()), expected)


@pytest.mark.parametrize(
    "make", [StandardNormal, UniformCube, lambda _: Normal(CORNERS[0], TILTED)]
)
def test_potential_is_trainable_after_use_in_inference_mode(
    make: Callable[[int], AbstractTarget],
) -> None:
    # as in Lightning: sanity validation first, training after
    kernel = HuberEnergy(1.25e-5)  # used nowhere else, so nothing is remembered about it
    with torch.inference_mode():
        target = make(3)
        potential = target.potential(kernel)
        potential(torch.ones(2, 3))
    x = torch.ones(2, 3, requires_grad=True)
    (gradient,) = torch.autograd.grad(potential(x).sum(), x)
    assert gradient.isfinite().all()
    (again,) = torch.autograd.grad(target.potential(kernel)(x).sum(), x)
    assert torch.equal(gradient, again)


@each_target
def test_blocks_of_rows_change_nothing(
    target: AbstractTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = scattered_points()[:10].requires_grad_()
    potential = target.potential(HuberEnergy())
    whole = potential(x)
    (gradient,) = torch.autograd.grad(whole.sum(), x)
    monkeypatch.setattr(hawc.blocks, "_BLOCK_ENTRIES", 1)
    rows = potential(x)
    (by_rows,) = torch.autograd.grad(rows.sum(), x)
    torch.testing.assert_close(rows, whole, rtol=1e-13, atol=0)  # other orders of summation
    torch.testing.assert_close(by_rows, gradient, rtol=1e-12, atol=1e-14)


@each_target
def test_potential_of_no_point_is_empty(target: AbstractTarget) -> None:
    assert target.potential(HuberEnergy())(torch.empty(0, 3)).shape == (0,)


@each_mixture
def test_compressed_points_are_nearer_than_samples(target: AbstractTarget) -> None:
    kernel = HuberEnergy()
    found = compress(target, 8, solver=Deterministic(max_iterations=60), generator=seeded())
    # three dimensions, eight points: measured 0.2 to 0.4 of what samples have on average
    assert (
        0 < squared_distance_to(kernel, found.points, target) < 0.5 * target.self_energy(kernel) / 8
    )


@each_target
def test_distinct_distributions_have_distinct_names(target: AbstractTarget) -> None:
    assert [repr(other) for other in ALL_TARGETS].count(repr(target)) == 1
    assert len(repr(target)) < 200  # a column of a table, a line of a message


def test_a_distribution_must_have_a_name() -> None:
    class Nameless(AbstractTarget):
        dim = 1

        def sample(self, n: int, *, generator: torch.Generator) -> Tensor:
            return torch.zeros(n, 1)

        def potential(self, kernel: AbstractKernel) -> Callable[[Tensor], Tensor]:
            return lambda x: x.sum(1)

        def self_energy(self, kernel: AbstractKernel) -> float:
            return 0.0

    with pytest.raises(TypeError, match="__repr__"):
        Nameless()


@each_target
def test_spread_draws_are_of_the_distribution(target: AbstractTarget) -> None:
    generator, direction = seeded(2), torch.tensor([0.5, -1.0, 2.0])
    spread = torch.cat([target.spread_sample(8, generator=generator) for _ in range(1000)])
    assert torch.equal(*(target.spread_sample(5, generator=seeded(1)) for _ in range(2)))
    for function in (torch.sin, torch.cos):  # the characteristic function's parts
        expected = function(target.sample(100_000, generator=generator) @ direction)
        # samples that repel each other vary less than independent ones; both means have errors
        error = 5 * float(expected.std()) / math.sqrt(8000)
        difference = float(function(spread @ direction).mean()) - float(expected.mean())
        assert abs(difference) < error


@each_target
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradient_beside_the_potential_is_its_own(
    target: AbstractTarget, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hawc.blocks, "_BLOCK_ENTRIES", 2000)  # several blocks
    x = scattered_points().to(dtype).requires_grad_()
    expected = target.potential(HuberEnergy())(x)
    (expected_gradient,) = torch.autograd.grad(expected.sum(), x)
    value, gradient = target.potential_and_gradient(HuberEnergy())(x)
    assert not value.requires_grad
    assert value.dtype == gradient.dtype == dtype
    tolerance = 1e-12 if dtype == torch.float64 else 1e-5
    torch.testing.assert_close(value, expected.detach(), rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(gradient, expected_gradient, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    ("target", "mean", "covariance"),
    [
        (StandardNormal(3), torch.zeros(3), torch.eye(3)),
        (Normal(CORNERS[0], TILTED), CORNERS[0], TILTED),
        (GaussianMixture(None, CORNERS[:1], 2.0), CORNERS[0], torch.eye(3)),
        (StudentT(3, 0.5), torch.zeros(3), torch.eye(3)),
    ],
    ids=["standard", "normal", "mixture", "student"],
)
def test_spread_draws_are_orthogonal_pairs_but_for_the_covariance(
    target: AbstractTarget, mean: Tensor, covariance: Tensor
) -> None:
    points = target.spread_sample(6, generator=seeded()).double() - mean
    root = torch.linalg.cholesky(covariance.double())
    whitened = torch.linalg.solve_triangular(root, points.T, upper=False).T
    directions = whitened / whitened.norm(dim=1, keepdim=True)
    pairs = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=torch.float64)
    expected = torch.kron(pairs, torch.eye(3, dtype=torch.float64))
    torch.testing.assert_close(directions @ directions.T, expected, rtol=0, atol=1e-10)


@each_target
def test_potential_and_gradient_of_nothing_in_any_mode(target: AbstractTarget) -> None:
    evaluate = target.potential_and_gradient(HuberEnergy())
    value, gradient = evaluate(torch.empty(0, 3))
    assert (value.shape, gradient.shape) == ((0,), (0, 3))
    expected = evaluate(torch.ones(2, 3).float())
    with torch.inference_mode():
        found = evaluate(torch.ones(2, 3).half())
    for left, right in zip(found, expected, strict=True):
        assert left.dtype == torch.float32
        torch.testing.assert_close(left, right)


def test_gradient_of_a_narrow_kernel_far_from_the_distribution_is_not_lost() -> None:
    _, gradient = StandardNormal(128).potential_and_gradient(GaussianComplement(1.0))(
        torch.ones(1, 128, dtype=torch.float64)
    )
    # d/dx of 1 - 2^(-d/2) exp(-|x|^2 / 4), and expm1 rounds the exponential away
    expected = 0.5 * 2.0**-64 * math.exp(-128 / 4)
    assert gradient[0, 0].item() == pytest.approx(expected, rel=1e-10)
