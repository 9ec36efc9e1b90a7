"""Quadrature of densities: closed forms, and distributions without common mass."""

import math
from functools import partial

import pytest
import torch
from torch import Tensor

from hawc.divergences import densities, normals
from hawc.targets import GaussianMixture, Normal

T = partial(torch.tensor, dtype=torch.float64)
P, Q = Normal(T([0.0]), 1.0), Normal(T([1.5]), 0.25)
REACH = (-15.0, 15.0)
CLOSED_FORM = 1e-6  # the error of kinks is 1e-8


def uniform(low: float, high: float) -> densities.LogDensity:
    def log_density(points: Tensor) -> Tensor:
        inside = (points[:, 0] >= low) & (points[:, 0] <= high)
        return torch.where(inside, -math.log(high - low), -math.inf)

    return log_density


def test_normal_distributions_have_closed_forms() -> None:
    distributions = (P.log_density, Q.log_density, REACH)
    assert densities.kl(*distributions) == pytest.approx(normals.kl(P, Q), abs=CLOSED_FORM)
    assert densities.reverse_kl(*distributions) == pytest.approx(
        normals.reverse_kl(P, Q), abs=CLOSED_FORM
    )
    assert densities.total_variation(*distributions) == pytest.approx(
        normals.total_variation(P, Q), abs=CLOSED_FORM
    )


def test_uniform_distributions_by_hand() -> None:
    # all jumps are ends of the 20,000 cells on [-2, 2]
    wide, narrow, interval = uniform(0, 1), uniform(0, 0.5), (-2.0, 2.0)
    assert densities.kl(narrow, wide, interval) == pytest.approx(math.log(2), abs=CLOSED_FORM)
    assert densities.kl(wide, narrow, interval) == math.inf
    assert densities.reverse_kl(narrow, wide, interval) == math.inf
    assert densities.total_variation(wide, narrow, interval) == pytest.approx(0.5, abs=CLOSED_FORM)
    parts = (uniform(-1, 0), uniform(1, 2), interval)
    assert densities.total_variation(*parts) == pytest.approx(1, abs=CLOSED_FORM)
    assert densities.jensen_shannon(*parts) == pytest.approx(math.log(2), abs=CLOSED_FORM)
    assert densities.jensen_shannon_sum(*parts) == pytest.approx(2 * math.log(2), abs=CLOSED_FORM)


def test_means_under_either_distribution() -> None:
    nodes = densities.on_nodes(P.log_density, Q.log_density, REACH)
    assert nodes.mean_under_p(nodes.points) == pytest.approx(0, abs=1e-12)
    assert nodes.mean_under_q(nodes.points) == pytest.approx(1.5, abs=1e-12)
    assert nodes.mean_under_q(nodes.points.square()) == pytest.approx(2.5, abs=1e-12)


def test_mixtures_that_hardly_overlap() -> None:
    p = GaussianMixture(T([0.5, 0.5]), T([[-9.0], [0.0]]), 0.25)
    q = GaussianMixture(T([0.5, 0.5]), T([[9.0], [0.0]]), 0.25)
    distributions = (p.log_density, q.log_density, (-14.0, 14.0))
    # half of the mass, at 0, is common up to 1e-18
    assert densities.total_variation(*distributions) == pytest.approx(0.5, abs=CLOSED_FORM)
    assert densities.jensen_shannon(*distributions) == pytest.approx(
        0.5 * math.log(2), abs=CLOSED_FORM
    )


def test_inner_points_resolve_a_narrow_distribution() -> None:
    wide, narrow = Normal(T([0.0]), 1.0), Normal(T([0.5]), 1e-14)
    reach = (-12.0, 0.5 - 1e-6, 0.5 + 1e-6, 12.0)
    value = densities.kl(narrow.log_density, wide.log_density, reach)
    # 1e-8: rounding moves nodes by about eps / 1e-7 standard deviations
    assert value == pytest.approx(normals.kl(narrow, wide), rel=1e-8)
    with pytest.raises(ValueError, match="contain all mass of `p`"):
        densities.kl(narrow.log_density, wide.log_density, (-12.0, 12.0))
    nodes = densities.on_nodes(wide.log_density, wide.log_density, reach)
    assert bool((nodes.points.diff() > 0).all())
    assert float(nodes.weights.sum()) == pytest.approx(24, rel=1e-13)


def test_a_density_below_the_smallest_number_counts() -> None:
    p, q = Normal(T([0.0]), 1.0), Normal(T([0.0]), 1e-4)  # log q is -5,000 where p has mass
    value = densities.kl(p.log_density, q.log_density, (-14.0, -0.14, 0.14, 14.0))
    assert value == pytest.approx(4994.8948, abs=1e-3)
    assert value == pytest.approx(normals.kl(p, q), rel=1e-10)


@pytest.mark.parametrize(
    "interval",
    [(1.0, 0.0), (0.0, math.inf), (math.nan, 1.0), (0.0,), (), (0.0, 0.0, 1.0), (0.0, 2.0, 1.0)],
)
def test_refuses_intervals(interval: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"`interval` must be \(low, high\), finite and low < hig"):
        densities.kl(P.log_density, Q.log_density, interval)


def test_refuses_an_interval_that_misses_mass() -> None:
    with pytest.raises(ValueError, match=r"contain all mass of `p`, got 0\.97725 in"):
        densities.kl(P.log_density, Q.log_density, (-2.0, 15.0))
    with pytest.raises(ValueError, match="all mass of `q`, got 2 in"):
        densities.kl(P.log_density, lambda x: P.log_density(x) + math.log(2), REACH)
