"""The uniform distribution on a cube against closed forms, mpmath and Monte Carlo, and what it
rejects.
"""

import math

import mpmath
import pytest
import torch
from scipy import stats

from hawc.kernels import AbstractKernel, Energy, GaussianComplement, HuberEnergy
from hawc.targets import UniformCube
from tests.hawc.targets.samples import assert_within_standard_errors, on_first_axis, seeded, values

# centre, inside, faces, just outside, and far away, for the cube [0, 1]
PLACES = [0.5, 0.2, 0.0, 1.0, 1.0 + 1e-9, 1.3, -2.0, 11.0, 101.0, -1e4, 1e7]


def test_on_the_line_potential_and_gradient_are_parabolas() -> None:
    x = torch.tensor(PLACES)[:, None].requires_grad_()
    potential = UniformCube(1).potential(Energy())(x)
    (gradient,) = torch.autograd.grad(potential.sum(), x)
    u = x.detach()[:, 0]
    inside = (u >= 0) & (u <= 1)
    expected = torch.where(inside, u * u - u + 0.5, (u - 0.5).abs())
    slope = torch.where(inside, 2 * u - 1, (u - 0.5).sign())
    # measured 2e-15, at 1e7 5e-13; the slope at a face is that of the kernel's mixture at 0
    torch.testing.assert_close(potential.detach(), expected, rtol=2e-12, atol=0)
    torch.testing.assert_close(gradient[:, 0], slope, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("low", [-1e3, 0.0, 5.0])
@pytest.mark.parametrize("side", [1e-3, 1.0, 1e3])
def test_on_the_line_self_energy_is_a_sixth_of_the_side(low: float, side: float) -> None:
    high = low + side
    energy = UniformCube(1, low, high).self_energy(Energy())
    assert energy == pytest.approx((high - low) / 6, rel=1e-13, abs=0)  # measured 2e-15


def test_in_the_plane_and_in_space_known_means_come_out() -> None:
    root2, root3 = math.sqrt(2), math.sqrt(3)
    square = (2 + root2 + 5 * math.asinh(1)) / 15
    cube = (4 + 17 * root2 - 6 * root3 + 21 * math.asinh(1) + 42 * math.log(2 + root3)) / 105
    cube -= 7 * math.pi / 105
    assert 2 * UniformCube(2).self_energy(Energy()) == pytest.approx(square, rel=1e-12, abs=0)
    assert 2 * UniformCube(3).self_energy(Energy()) == pytest.approx(cube, rel=1e-12, abs=0)
    corner, center = (root2 + math.asinh(1)) / 3, (root2 + math.asinh(1)) / 6
    computed = UniformCube(2).potential(Energy())(torch.tensor([[1.0, 0.0], [0.5, 0.5]]))
    assert computed.tolist() == pytest.approx([corner, center], rel=1e-12, abs=0)


@pytest.mark.parametrize("kernel", [HuberEnergy(1e-5), HuberEnergy(0.1), HuberEnergy(3.0)])
@pytest.mark.parametrize("ends", [(0.0, 1.0), (-3.0, 5.0), (7.0, 7.001)])
def test_on_the_line_smooth_kernels_match_their_antiderivatives(
    kernel: HuberEnergy, ends: tuple[float, float]
) -> None:
    low, high, a = mpmath.mpf(ends[0]), mpmath.mpf(ends[1]), mpmath.mpf(kernel.a)

    def once(r: mpmath.mpf) -> mpmath.mpf:  # integral of sqrt(a^2 + r^2) - a
        return (r * mpmath.hypot(r, a) + a * a * mpmath.asinh(r / a)) / 2 - a * r

    def twice(r: mpmath.mpf) -> mpmath.mpf:  # integral of `once`, 0 at 0
        hypot = mpmath.hypot(r, a)
        first = (hypot**3 - a**3) / 6
        return first + a * a / 2 * (r * mpmath.asinh(r / a) - hypot + a) - a * r * r / 2

    with mpmath.workdps(40):
        side = high - low
        places = [ends[0] + float(side) * place for place in PLACES[:-1]]
        exact = [float((once(x - low) - once(x - high)) / side) for x in map(mpmath.mpf, places)]
        energy = float(twice(side) / side**2)
    computed = UniformCube(1, *ends).potential(kernel)(torch.tensor(places)[:, None])
    # measured 1e-11, of the kernel's mixture where the cube is small against a
    assert computed.tolist() == pytest.approx(exact, rel=1e-10, abs=0)
    assert UniformCube(1, *ends).self_energy(kernel) == pytest.approx(energy, rel=1e-10, abs=0)


@pytest.mark.parametrize("bandwidth", [1e-3, 0.3, 0.5, 1.0, 10.0, 3e3, 1e5, 1e7])
@pytest.mark.parametrize("dim", [1, 3])
def test_gaussian_means_are_right_for_every_rate(bandwidth: float, dim: int) -> None:
    # one rate alone, on either side of where the computation changes: t s^2 = 1 and 1e-10
    kernel, places = GaussianComplement(bandwidth), PLACES[:-2]
    computed = UniformCube(dim).potential(kernel)(on_first_axis(places, dim))
    with mpmath.workdps(40):
        root = 1 / (mpmath.sqrt(2) * bandwidth)

        def mean(x: float) -> mpmath.mpf:
            above, below = mpmath.erf(root * mpmath.mpf(x)), mpmath.erf(root * (mpmath.mpf(x) - 1))
            return mpmath.sqrt(mpmath.pi) / (2 * root) * (above - below)

        exact = [float(1 - mean(x) * mean(0.0) ** (dim - 1)) for x in places]
        pairs = (
            mpmath.sqrt(mpmath.pi) / root * mpmath.erf(root) + mpmath.expm1(-(root**2)) / root**2
        )
        energy = float((1 - pairs**dim) / 2)
    # 5e-12 is what the normal distribution stands in for below 1e-10
    assert computed.tolist() == pytest.approx(exact, rel=1e-11, abs=0)
    assert UniformCube(dim).self_energy(kernel) == pytest.approx(energy, rel=1e-11, abs=0)


@pytest.mark.parametrize("dim", [2, 16, 128])
def test_potential_and_self_energy_match_monte_carlo(dim: int) -> None:
    target, kernel, generator = UniformCube(dim, -1.0, 3.0), HuberEnergy(), seeded()
    first, second = (target.sample(20_000, generator=generator) for _ in range(2))
    for place in (-1.0, 0.5, 4.0):
        x = torch.full((1, dim), place)
        assert_within_standard_errors(values(kernel, x, first), float(target.potential(kernel)(x)))
    assert_within_standard_errors(values(kernel, first, second) / 2, target.self_energy(kernel))


@pytest.mark.parametrize("kernel", [HuberEnergy(), HuberEnergy(0.3), GaussianComplement(0.2)])
@pytest.mark.parametrize("dim", [1, 5])
def test_gradient_is_a_difference_between_faces(kernel: AbstractKernel, dim: int) -> None:
    # moving x along an axis trades points of one face for points of the other
    places = [0.5, 0.2, 0.0, 1.0, 1.3, -2.0, 11.0]
    x = torch.rand(len(places), dim, generator=seeded())
    x[:, 0] = torch.tensor(places)
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(UniformCube(dim).potential(kernel)(x).sum(), x)
    low_face = torch.rand(20_000, dim, generator=seeded(1))
    low_face[:, 0] = 0
    high_face = low_face + on_first_axis([1.0], dim)
    for row, slope in zip(x.detach(), gradient[:, 0].tolist(), strict=True):
        trade = values(kernel, row[None], low_face) - values(kernel, row[None], high_face)
        error = 4 * float(trade.std()) / math.sqrt(len(trade))  # 0 on the line: one face, one point
        assert slope == pytest.approx(float(trade.mean()), abs=error + 1e-9)


@pytest.mark.parametrize("dim", [1, 3, 128])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_potential_and_gradient_are_finite_everywhere(dim: int, dtype: torch.dtype) -> None:
    for kernel in (Energy(), HuberEnergy(), HuberEnergy(3.0), GaussianComplement(1e-3)):
        x = torch.tensor(PLACES, dtype=dtype)[:, None].expand(-1, dim).clone().requires_grad_()
        potential = UniformCube(dim).potential(kernel)(x)
        (gradient,) = torch.autograd.grad(potential.sum(), x)
        assert potential.isfinite().all()
        assert gradient.isfinite().all()
        assert (potential >= 0).all()


def test_float32_matches_float64_at_every_place() -> None:
    for dim in (1, 16):
        potential = UniformCube(dim).potential(Energy())
        x = torch.tensor(PLACES).float()[:, None].expand(-1, dim)
        # four hundred terms of eps 6e-8, some of them divided by 0.07; measured 1e-6
        torch.testing.assert_close(potential(x).double(), potential(x.double()), rtol=4e-6, atol=0)


def test_draws_are_uniform() -> None:
    samples = UniformCube(3, -1.0, 3.0).sample(5000, generator=seeded())
    for coordinate in samples.T:
        assert stats.kstest(coordinate.numpy(), stats.uniform(-1, 4).cdf).pvalue > 1e-3
    assert float((samples.T.corrcoef() - torch.eye(3)).abs().max()) < 4 / math.sqrt(5000)


def test_is_named_by_its_parameters() -> None:
    assert repr(UniformCube(2)) == "UniformCube(dim=2, low=0.0, high=1.0)"
    assert (
        repr(UniformCube(2, 0.1, 1 / 3)) == "UniformCube(dim=2, low=0.1, high=0.3333333333333333)"
    )


@pytest.mark.parametrize(
    "ends", [(1.0, 1.0), (1.0, 0.0), (math.nan, 1.0), (0.0, math.inf), (-math.inf, 0.0)]
)
def test_rejects_ends(ends: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="`low` must be below `high`, both finite, got"):
        UniformCube(2, *ends)
