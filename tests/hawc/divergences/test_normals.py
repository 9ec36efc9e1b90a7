"""Normal laws: closed forms by hand, by PyTorch, by quadrature and by draws."""

import math
from functools import partial

import pytest
import torch
from scipy import integrate, stats
from torch import Tensor
from torch.distributions import MultivariateNormal, kl_divergence

from hawc import Energy, Normal, unbiased_squared_distance
from hawc.divergences import normals

T = partial(torch.tensor, dtype=torch.float64)
CLOSED_FORM = 1e-6


def on_line(mean: float, deviation: float) -> Normal:
    return Normal(T([mean]), float(deviation) ** 2)


def covariance(seed: int, dim: int = 3) -> Tensor:
    root = torch.randn(dim, dim, generator=torch.Generator().manual_seed(seed))
    return root @ root.T + 0.1 * torch.eye(dim)


PAIRS = [((0, 1), (1, 1)), ((0, 1), (0, 3)), ((1, 2), (-3, 0.5)), ((0, 1), (30, 1))]


@pytest.mark.parametrize("seed", range(3))
def test_kl_is_that_of_pytorch(seed: int) -> None:
    mean, p, q = torch.arange(3.0), covariance(seed), covariance(seed + 10)
    laws = Normal(mean, p), Normal(torch.ones(3), q)
    same = MultivariateNormal(mean, p), MultivariateNormal(torch.ones(3), q)
    expected = [float(kl_divergence(*pair)) for pair in (same, same[::-1])]
    found = [normals.kl(*laws), normals.reverse_kl(*laws)]
    assert found == pytest.approx(expected, rel=1e-10)


def test_kl_to_the_standard_normal_by_hand() -> None:
    # 1/2 (tr S + m'm - k - log det S)
    law = Normal(T([1.0, 2.0]), T([2.0, 0.5]).diag())
    assert normals.kl(law, Normal(torch.zeros(2), 1.0)) == pytest.approx(
        0.5 * (2.5 + 5 - 2 - 0), abs=1e-12
    )


def test_kl_is_infinite_where_one_law_lies_in_a_plane() -> None:
    flat = Normal(torch.zeros(2), T([[1.0, 0.0], [0.0, 0.0]]))
    full = Normal(torch.zeros(2), 1.0)
    assert normals.kl(full, flat) == math.inf
    assert normals.kl(flat, full) == math.inf
    assert normals.kl(flat, Normal(T([0.0, 1.0]), flat.covariance)) == math.inf
    wider = Normal(T([1.0, 0.0]), T([[4.0, 0.0], [0.0, 0.0]]))
    assert normals.kl(flat, wider) == pytest.approx(normals.kl(on_line(0, 1), on_line(1, 2)))
    assert normals.kl(on_line(0, 0), on_line(0, 0)) == 0


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
    laws = on_line(*p), on_line(*q)
    assert normals.total_variation(*laws) == pytest.approx(variation, abs=CLOSED_FORM)
    assert normals.jensen_shannon_sum(*laws) == pytest.approx(entropies, abs=CLOSED_FORM)
    assert normals.jensen_shannon(*laws) == pytest.approx(entropies / 2, abs=CLOSED_FORM)


@pytest.mark.parametrize(("p", "q"), PAIRS)
def test_wasserstein_and_energy_from_distribution_functions(
    p: tuple[float, float], q: tuple[float, float]
) -> None:
    one, other = stats.norm(*p).cdf, stats.norm(*q).cdf
    interval = (min(p[0], q[0]) - 40, max(p[0], q[0]) + 40)
    settings = {"points": [p[0], q[0]], "limit": 2000, "epsabs": 1e-10}
    gap = integrate.quad(lambda x: abs(one(x) - other(x)), *interval, **settings)[0]
    square = integrate.quad(lambda x: (one(x) - other(x)) ** 2, *interval, **settings)[0]
    laws = on_line(*p), on_line(*q)
    assert normals.wasserstein_1(*laws) == pytest.approx(gap, abs=CLOSED_FORM)
    assert normals.squared_energy_distance(*laws) == pytest.approx(square, abs=CLOSED_FORM)


def test_equal_covariances_in_the_plane() -> None:
    laws = Normal(T([0.0, 0.0]), covariance(1, 2)), Normal(T([3.0, 4.0]), covariance(1, 2))
    assert normals.wasserstein_1(*laws) == pytest.approx(5, abs=1e-12)
    distance = math.sqrt(float(T([3.0, 4.0]) @ covariance(1, 2).inverse() @ T([3.0, 4.0])))
    expected = 2 * stats.norm.cdf(distance / 2) - 1
    assert normals.total_variation(*laws) == pytest.approx(expected, abs=1e-12)


def test_energy_distance_of_draws_within_standard_errors() -> None:
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


def test_points_and_equal_laws() -> None:
    point, other = on_line(1, 0), on_line(3, 0)
    assert normals.total_variation(point, other) == 1
    assert normals.total_variation(point, on_line(1, 2)) == 1
    assert normals.total_variation(point, point) == 0
    assert normals.wasserstein_1(point, other) == 2
    assert normals.wasserstein_1(point, on_line(1, 2)) == pytest.approx(2 * math.sqrt(2 / math.pi))
    law = on_line(-3, 0.7)
    for divergence in (normals.total_variation, normals.kl, normals.wasserstein_1):
        assert divergence(law, law) == 0
    assert normals.jensen_shannon(law, law) == pytest.approx(0, abs=1e-15)
    assert normals.squared_energy_distance(law, law) == pytest.approx(0, abs=1e-12)


def test_refuses_what_has_no_closed_form() -> None:
    p, q = Normal(torch.zeros(2), 1.0), Normal(torch.zeros(2), 2.0)
    with pytest.raises(ValueError, match="must have equal regular covariances in more than one"):
        normals.total_variation(p, q)
    with pytest.raises(ValueError, match="must be on the line, got dimension 2, where Jensen"):
        normals.jensen_shannon(p, q)
    with pytest.raises(ValueError, match="equal covariances in more than one dimension, where W1"):
        normals.wasserstein_1(p, q)
    for divergence in (normals.kl, normals.total_variation, normals.squared_energy_distance):
        with pytest.raises(ValueError, match="must have one dimension, got 2 and 1"):
            divergence(p, on_line(0, 1))
