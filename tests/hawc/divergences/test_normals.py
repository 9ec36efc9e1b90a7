"""Normal distributions: closed forms by hand, by PyTorch, by quadrature and by samples."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch import Tensor
from torch.distributions import MultivariateNormal, kl_divergence

from hawc.distances import unbiased_squared_distance
from hawc.divergences import normals
from hawc.kernels import Energy
from hawc.targets import Normal

T = partial(torch.tensor, dtype=torch.float64)
CLOSED_FORM = 1e-6


@pytest.fixture(autouse=True, params=[torch.float32, torch.float64], ids=str)
def default_precision(request: pytest.FixtureRequest, float64_by_default: None) -> None:
    """Runs each test under both defaults: distributions are in float64 under either."""
    torch.set_default_dtype(request.param)


def on_line(mean: float, deviation: float) -> Normal:
    return Normal(T([mean]), float(deviation) ** 2)


def covariance(seed: int, dim: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    root = torch.randn(dim, dim, generator=generator, dtype=torch.float64)
    return root @ root.T + 0.1 * torch.eye(dim, dtype=torch.float64)


PAIRS = [((0, 1), (1, 1)), ((0, 1), (0, 3)), ((1, 2), (-3, 0.5)), ((0, 1), (30, 1))]


@pytest.mark.parametrize("seed", range(3))
def test_kl_is_that_of_pytorch(seed: int) -> None:
    mean, p, q = T([0.0, 1.0, 2.0]), covariance(seed), covariance(seed + 10)
    distributions = Normal(mean, p), Normal(T([1.0, 1.0, 1.0]), q)
    same = MultivariateNormal(mean, p), MultivariateNormal(T([1.0, 1.0, 1.0]), q)
    expected = [float(kl_divergence(*pair)) for pair in (same, same[::-1])]
    values = [normals.kl(*distributions), normals.reverse_kl(*distributions)]
    assert values == pytest.approx(expected, rel=1e-10)


def test_kl_to_the_standard_normal_by_hand() -> None:
    # 1/2 (tr S + m'm - k - log det S)
    distribution = Normal(T([1.0, 2.0]), T([2.0, 0.5]).diag())
    assert normals.kl(distribution, Normal(torch.zeros(2), 1.0)) == pytest.approx(
        0.5 * (2.5 + 5 - 2 - 0), abs=1e-12
    )


def test_kl_is_infinite_where_one_distribution_lies_in_a_plane() -> None:
    flat = Normal(torch.zeros(2), T([[1.0, 0.0], [0.0, 0.0]]))
    full = Normal(torch.zeros(2), 1.0)
    assert normals.kl(full, flat) == math.inf
    assert normals.kl(flat, full) == math.inf
    assert normals.kl(flat, Normal(T([0.0, 1.0]), flat.covariance)) == math.inf
    wider = Normal(T([1.0, 0.0]), T([[4.0, 0.0], [0.0, 0.0]]))
    assert normals.kl(flat, wider) == pytest.approx(normals.kl(on_line(0, 1), on_line(1, 2)))
    assert normals.kl(on_line(0, 0), on_line(0, 0)) == 0


def kl_by_hand(variance: float, other: float, shift: float = 0.0) -> float:
    ratio = variance / other
    return 0.5 * (ratio - 1 - math.log(ratio) + shift**2 / other)


RATIOS = [1e-8, 1e-3, 0.5, 1.0, 7.0, 1e8]
SCALES = [1e-30, 1e-14, 1.0, 1e9]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("ratio", RATIOS)
def test_no_scale_of_a_distribution_makes_it_a_point(ratio: float, scale: float) -> None:
    shift = math.sqrt(scale)
    p, q = Normal(T([0.0]), ratio * scale), Normal(T([shift]), scale)
    # 1e-14: of logarithms up to 80
    expected = kl_by_hand(ratio, 1, 1)
    assert normals.kl(p, q) == pytest.approx(expected, rel=1e-12, abs=1e-13)
    # the plane has the same ratio along one axis, and 1 along the other
    turn = T([[0.6, -0.8], [0.8, 0.6]])
    for axes in (torch.eye(2, dtype=torch.float64), turn):
        one, other = (
            Normal(scale**0.5 * axes @ T([at, 0.0]), scale * (axes * T([s, 1.0])) @ axes.T)
            for at, s in ((0.0, ratio), (1.0, 1.0))
        )
        # turned, the small variance is 1e-16 of the larger one off: 1e-8 of itself
        expected = kl_by_hand(ratio, 1, 1)
        assert normals.kl(one, other) == pytest.approx(expected, rel=3e-8, abs=1e-12)
        back = kl_by_hand(1, ratio, 1)
        assert normals.reverse_kl(one, other) == pytest.approx(back, rel=3e-8, abs=1e-12)


@pytest.mark.parametrize("small", [1e-13, 1e-20, 1e-100])
def test_no_unit_of_a_coordinate_makes_a_distribution_flat(small: float) -> None:
    p, q = (Normal(torch.zeros(2), T([1.0, s * small]).diag()) for s in (1, 2))
    assert normals.kl(p, q) == pytest.approx(kl_by_hand(1, 2), rel=1e-12)
    assert normals.kl(p, Normal(torch.zeros(2), 1.0)) == pytest.approx(
        kl_by_hand(small, 1), rel=1e-12
    )
    moved = Normal(T([0.0, 2 * math.sqrt(small)]), p.covariance)
    expected = 2 * stats.norm.cdf(1) - 1
    assert normals.total_variation(p, moved) == pytest.approx(expected, rel=1e-12)
    with pytest.raises(ValueError, match="must have equal regular covariances"):
        normals.total_variation(p, q)


@pytest.mark.parametrize("turn", [0.0, 0.3])
def test_distributions_in_nearly_one_plane(turn: float) -> None:
    c, s = math.cos(turn), math.sin(turn)
    axes = T([[c, -s], [s, c]])
    flat = Normal(T([5.0, 7.0]), (axes * T([1.0, 0.0])) @ axes.T)
    wide = Normal(flat.mean + axes @ T([1.0, 0.0]), 4 * flat.covariance)
    assert normals.kl(flat, wide) == pytest.approx(kl_by_hand(1, 4, 1), rel=1e-12)
    for off in (1e-7, 1e-12):
        assert normals.kl(flat, Normal(flat.mean + off * axes[:, 1], flat.covariance)) == math.inf
    tilted = T([[math.cos(turn + 1e-7)], [math.sin(turn + 1e-7)]])
    assert normals.kl(flat, Normal(flat.mean, tilted @ tilted.T)) == math.inf


@pytest.mark.parametrize("dim", [1, 2])
def test_points_are_equal_or_infinitely_far(dim: int) -> None:
    point, other = (Normal(torch.full((dim,), at, dtype=torch.float64), 0.0) for at in (0.0, 1e-7))
    assert normals.kl(point, other) == math.inf
    assert normals.kl(point, Normal(point.mean, 1e-30)) == math.inf
    assert normals.kl(Normal(point.mean, 1e-30), point) == math.inf
    assert normals.kl(other, other) == 0


@pytest.mark.parametrize(("p", "q"), PAIRS)
def test_total_variation_and_jensen_shannon_by_quadrature(
    p: tuple[float, float], q: tuple[float, float]
) -> None:
    one, other = stats.norm(*p).pdf, stats.norm(*q).pdf

    def entropy_of_mean(x: float) -> float:
        a, b = one(x), other(x)
        m = 0.5 * (a + b)
        return sum(v * math.log(v / m) for v in (a, b) if v > 0)

    points = [p[0], q[0]]
    interval = (min(points) - 40, max(points) + 40)
    settings = {"points": points, "limit": 2000, "epsabs": 1e-10}
    variation = integrate.quad(lambda x: abs(one(x) - other(x)) / 2, *interval, **settings)[0]
    entropies = integrate.quad(entropy_of_mean, *interval, **settings)[0]
    distributions = on_line(*p), on_line(*q)
    assert normals.total_variation(*distributions) == pytest.approx(variation, abs=CLOSED_FORM)
    assert normals.jensen_shannon_sum(*distributions) == pytest.approx(entropies, abs=CLOSED_FORM)
    assert normals.jensen_shannon(*distributions) == pytest.approx(entropies / 2, abs=CLOSED_FORM)


def test_total_variation_wherever_distributions_are_and_in_any_unit() -> None:
    expected = normals.total_variation(on_line(0, 1), on_line(0.5, 1.25))
    for scale, at in ((1e-9, 0.0), (1e9, 0.0), (1.0, 1e8), (1.0, 2.0**40), (1e-6, -1e3)):
        distributions = on_line(at, scale), on_line(at + 0.5 * scale, 1.25 * scale)
        # 1e-6: of means near 1e3 in units of a deviation of 1e-6
        assert normals.total_variation(*distributions) == pytest.approx(expected, abs=CLOSED_FORM)
        assert normals.total_variation(*distributions[::-1]) == pytest.approx(
            expected, abs=CLOSED_FORM
        )
    for far in (on_line(1e200, 2), on_line(1e5, 1), on_line(20, 0.5), on_line(0, 1e30)):
        assert normals.total_variation(on_line(0, 1), far) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(("p", "q"), PAIRS)
def test_wasserstein_and_energy_from_distribution_functions(
    p: tuple[float, float], q: tuple[float, float]
) -> None:
    one, other = stats.norm(*p).cdf, stats.norm(*q).cdf
    interval = (min(p[0], q[0]) - 40, max(p[0], q[0]) + 40)
    settings = {"points": [p[0], q[0]], "limit": 2000, "epsabs": 1e-10}
    gap = integrate.quad(lambda x: abs(one(x) - other(x)), *interval, **settings)[0]
    square = integrate.quad(lambda x: (one(x) - other(x)) ** 2, *interval, **settings)[0]
    distributions = on_line(*p), on_line(*q)
    assert normals.wasserstein_1(*distributions) == pytest.approx(gap, abs=CLOSED_FORM)
    assert normals.squared_energy_distance(*distributions) == pytest.approx(square, abs=CLOSED_FORM)


def test_equal_covariances_in_the_plane() -> None:
    distributions = Normal(T([0.0, 0.0]), covariance(1, 2)), Normal(T([3.0, 4.0]), covariance(1, 2))
    assert normals.wasserstein_1(*distributions) == pytest.approx(5, abs=1e-12)
    distance = math.sqrt(float(T([3.0, 4.0]) @ covariance(1, 2).inverse() @ T([3.0, 4.0])))
    expected = 2 * stats.norm.cdf(distance / 2) - 1
    assert normals.total_variation(*distributions) == pytest.approx(expected, abs=1e-12)
    number, matrix = Normal(T([0.0, 0.0]), 0.01), Normal(T([3.0, 4.0]), T([0.01, 0.01]).diag())
    assert normals.wasserstein_1(number, matrix) == pytest.approx(5, abs=1e-12)


def test_energy_distance_of_samples_within_standard_errors() -> None:
    p, q = Normal(torch.zeros(3), covariance(1)), Normal(torch.ones(3), covariance(2))
    generator = torch.Generator().manual_seed(0)
    estimates = torch.stack(
        [
            unbiased_squared_distance(
                Energy(), p.sample(200, generator=generator), q.sample(200, generator=generator)
            )
            for _ in range(50)
        ]
    )
    error = float(estimates.std()) / math.sqrt(50)
    assert normals.squared_energy_distance(p, q) == pytest.approx(
        float(estimates.mean()), abs=4 * error
    )


def jensen_shannon_by_stretching(ratio: float, shift: float) -> float:
    """Returns the sum for N(0, 1) and N(shift, ratio^2), on points that are dense at the latter."""
    # x = shift + ratio sinh u: the trapezoidal rule is exact to rounding, since the integrand
    # decays so fast
    u = np.linspace(-60, 60, 400_001)
    x = ratio * np.sinh(u)
    logs = stats.norm.logpdf(x, -shift, 1), stats.norm.logpdf(x, 0, ratio)
    middle = np.logaddexp(*logs) - math.log(2)
    integrand = sum(np.exp(log) * (log - middle) for log in logs) * ratio * np.cosh(u)
    return float(integrand.sum() * (u[1] - u[0]))


@pytest.mark.parametrize("shift", [0.0, 0.4, 3.0])
@pytest.mark.parametrize("ratio", [1e-6, 7e-4, 0.1, 1.0])
def test_jensen_shannon_of_distributions_of_any_width(ratio: float, shift: float) -> None:
    expected = jensen_shannon_by_stretching(ratio, shift)
    for scale, at in ((1.0, 0.0), (1e-9, 0.0), (1e9, 0.0), (1.0, 2.0**20)):
        wide = on_line(at, scale)
        narrow = on_line(at + scale * shift, scale * ratio)
        # 1e-9: of means near 2^20 in units of the narrow distribution, 1e-6
        for distributions in ((wide, narrow), (narrow, wide)):
            assert normals.jensen_shannon_sum(*distributions) == pytest.approx(expected, abs=1e-9)


def test_jensen_shannon_of_distant_distributions_is_at_its_bound() -> None:
    for far in (on_line(1e5, 1), on_line(1e300, 1e-9), on_line(0, 0), on_line(20, 0.5)):
        assert normals.jensen_shannon(on_line(0, 1), far) == pytest.approx(math.log(2), abs=1e-12)
        assert normals.jensen_shannon(far, on_line(0, 1)) == pytest.approx(math.log(2), abs=1e-12)
    point = on_line(3, 0)
    assert normals.jensen_shannon(point, point) == 0
    assert normals.jensen_shannon(point, on_line(4, 0)) == math.log(2)


def test_points_and_equal_distributions() -> None:
    point, other = on_line(1, 0), on_line(3, 0)
    assert normals.total_variation(point, other) == 1
    assert normals.total_variation(point, on_line(1, 2)) == 1
    assert normals.total_variation(point, point) == 0
    assert normals.wasserstein_1(point, other) == 2
    assert normals.wasserstein_1(point, on_line(1, 2)) == pytest.approx(2 * math.sqrt(2 / math.pi))
    distribution = on_line(-3, 0.7)
    for divergence in (normals.total_variation, normals.kl, normals.wasserstein_1):
        assert divergence(distribution, distribution) == 0
    assert normals.jensen_shannon(distribution, distribution) == pytest.approx(0, abs=1e-15)
    assert normals.squared_energy_distance(distribution, distribution) == pytest.approx(
        0, abs=1e-12
    )


def test_refuses_what_has_no_closed_form() -> None:
    p, q = Normal(torch.zeros(2), 1.0), Normal(torch.zeros(2), 2.0)
    with pytest.raises(ValueError, match="must have equal regular covariances in more than one"):
        normals.total_variation(p, q)
    with pytest.raises(ValueError, match="must be on the line, got dimension 2, where Jensen"):
        normals.jensen_shannon(p, q)
    with pytest.raises(ValueError, match="equal covariances in more than one dimension, since W1"):
        normals.wasserstein_1(p, q)
    for divergence in (normals.kl, normals.total_variation, normals.squared_energy_distance):
        with pytest.raises(ValueError, match="must have the same dimension, got 2 and 1"):
            divergence(p, on_line(0, 1))
