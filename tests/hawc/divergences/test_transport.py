"""Optimal transport: plans by hand, both solvers, the dual, refusals."""

import importlib.util
from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from hawc.divergences import transport
from hawc.divergences.transport import (
    Transport,
    distance_costs,
    optimal_plan,
    optimal_transport,
    wasserstein_1,
)

T = partial(torch.tensor, dtype=torch.float64)
HAS_POT = importlib.util.find_spec("ot") is not None
SOLVERS = [
    "linear programming",
    pytest.param("POT", marks=pytest.mark.skipif(not HAS_POT, reason="POT is not installed")),
]
OPTIMAL = 1e-8  # in units of the costs, up to 10 here: the solvers' own tolerance


@pytest.fixture(params=SOLVERS)
def solver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(transport, "_has_pot", lambda: request.param == "POT")
    return request.param


def clouds(seed: int, n: int = 12, m: int = 9, d: int = 2) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    x, y = (torch.randn(k, d, generator=generator) for k in (n, m))
    p, q = (torch.rand(k, generator=generator) + 0.01 for k in (n, m))
    return x, y + 1, p / p.sum(), q / q.sum()


def assert_optimal(result: Transport, p: Tensor, q: Tensor) -> None:
    torch.testing.assert_close(result.plan.sum(1), p.double(), rtol=0, atol=OPTIMAL)
    torch.testing.assert_close(result.plan.sum(0), q.double(), rtol=0, atol=OPTIMAL)
    assert float(result.plan.min()) >= 0
    assert result.excess <= OPTIMAL
    assert abs(result.gap) <= OPTIMAL


@pytest.mark.parametrize("seed", range(4))
def test_cost_is_the_dual_value(solver: str, seed: int) -> None:
    x, y, p, q = clouds(seed)
    result = optimal_transport(x, y, p, q)
    assert_optimal(result, p, q)
    assert result.cost == pytest.approx(float((result.plan * torch.cdist(x, y)).sum()), abs=OPTIMAL)
    assert result.dual_value == pytest.approx(
        float(p @ result.x_potential + q @ result.y_potential), abs=OPTIMAL
    )


def test_example_of_splitting_and_merging(solver: str) -> None:
    # masses 3, 3, 2 on three places to 2, 2, 2, 2 on four, all on the line: in order
    x, y = T([[0.0], [1.0], [2.0]]), T([[0.0], [1.0], [2.0], [3.0]])
    p, q = T([3.0, 3.0, 2.0]) / 8, T([2.0, 2.0, 2.0, 2.0]) / 8
    result = optimal_transport(x, y, p, q)
    assert result.cost == pytest.approx((1 + 2 + 2) / 8, abs=1e-12)
    assert_optimal(result, p, q)
    doubled = optimal_transport(x, y, 2 * p, 2 * q)
    assert doubled.cost == pytest.approx(2 * result.cost, abs=1e-12)


def test_equal_numbers_of_points_are_an_assignment(solver: str) -> None:
    x, y, _, _ = clouds(7, n=15, m=15, d=3)
    costs = torch.cdist(x, y)
    rows, columns = linear_sum_assignment(costs.numpy())
    assert wasserstein_1(x, y) == pytest.approx(float(costs[rows, columns].mean()), abs=OPTIMAL)


@given(st.integers(0, 10_000))
def test_on_the_line_it_is_scipys(seed: int) -> None:
    x, y, p, q = clouds(seed, d=1)
    expected = stats.wasserstein_distance(*(part.numpy().ravel() for part in (x, y, p, q)))
    assert wasserstein_1(x, y, p, q) == pytest.approx(expected, abs=OPTIMAL)


def test_moving_all_points_costs_the_way(solver: str) -> None:
    x, _, p, _ = clouds(1)
    assert wasserstein_1(x, x + T([3.0, 4.0]), p, p) == pytest.approx(5.0, abs=OPTIMAL)
    assert wasserstein_1(x, x, p, p) == pytest.approx(0.0, abs=OPTIMAL)


def test_potentials_are_a_lipschitz_function_where_both_sets_are_the_same(solver: str) -> None:
    x, _, p, _ = clouds(2)
    result = optimal_transport(x, x, p, p.flip(0))
    torch.testing.assert_close(result.x_potential, -result.y_potential, rtol=0, atol=OPTIMAL)
    steps = (result.x_potential[:, None] - result.x_potential).abs()
    assert float((steps - torch.cdist(x, x)).max()) <= OPTIMAL


def test_any_costs_and_points_without_mass(solver: str) -> None:
    result = optimal_plan(T([[1.0, 0.0, 7.0], [0.0, 1.0, 7.0]]), T([1.0, 1.0]), T([1.0, 1.0, 0.0]))
    torch.testing.assert_close(result.plan, T([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]))
    assert result.excess <= OPTIMAL


def test_accepts_rounded_totals_in_float32(solver: str) -> None:
    x, y, p, q = (part.float() for part in clouds(3))
    assert_optimal(optimal_transport(x, y, p, q * 1.00001), p, q)


@pytest.mark.skipif(not HAS_POT, reason="POT is not installed")
def test_both_solvers_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y, p, q = clouds(5, n=40, m=30, d=4)
    by_pot = wasserstein_1(x, y, p, q)
    monkeypatch.setattr(transport, "_has_pot", lambda: False)
    assert wasserstein_1(x, y, p, q) == pytest.approx(by_pot, abs=OPTIMAL)


@pytest.mark.parametrize(
    ("costs", "p", "q", "message"),
    [
        (torch.ones(2, 3), torch.ones(2), torch.ones(2), r"got \(2,\), \(2,\) and \(2, 3\)"),
        (torch.ones(1, 1) / 0, T([1.0]), T([1.0]), "`costs` must be finite, got NaN or inf"),
        (torch.ones(1, 2), T([1.0]), T([2.0, -1.0]), "`q` must not be negative, got -1;"),
        (torch.ones(1, 1), T([1.0]), T([2.0]), "same positive total, got 1 and 2; scale one"),
        (torch.ones(1, 1), T([0.0]), T([0.0]), "same positive total, got 0 and 0; scale one"),
    ],
)
def test_refuses(costs: Tensor, p: Tensor, q: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        optimal_plan(costs, p, q)


def test_distances_of_near_points_far_out_keep_their_digits() -> None:
    x = 1e4 + T([[0.0, 0.0], [1e-3, 0.0]])
    assert float(distance_costs(x, x)[0, 1]) == pytest.approx(1e-3, rel=1e-8)  # eps 1e4 / 1e-3
    many = x.repeat(20, 1)  # from 25 points on cdist would multiply matrices
    assert float(distance_costs(many, many)[0, 1]) == pytest.approx(1e-3, rel=1e-8)
    assert float(distance_costs(many, many).diagonal().max()) == 0


def test_refuses_points_that_are_not_finite() -> None:
    x = torch.zeros(2, 1)
    with pytest.raises(ValueError, match="`x` must be finite, got 2 entries"):
        optimal_transport(x / 0, x)
    with pytest.raises(ValueError, match="`y` must be finite, got 2 entries"):
        optimal_transport(x, x / 0)


def test_refuses_points_whose_weights_are_no_masses() -> None:
    x = torch.zeros(2, 1)
    with pytest.raises(ValueError, match="`x_weights` must not be negative, got -1"):
        optimal_transport(x, x, T([2.0, -1.0]), None)
    with pytest.raises(ValueError, match="must have the same total, got 2 and 1"):
        optimal_transport(x, x, T([1.0, 1.0]), None)


def test_says_what_to_install_for_large_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_has_pot", lambda: False)
    x = torch.zeros(301, 1)
    with pytest.raises(ValueError, match=r"at most 90,000 entries .* got 301 x 301; install it"):
        optimal_transport(x, x)
    monkeypatch.setattr(transport, "_MAX_PAIRS", 301**2)
    monkeypatch.setattr(transport, "linprog", lambda *_, **__: Failed)
    with pytest.raises(RuntimeError, match="linear program must reach an optimum, got: tired"):
        optimal_transport(x, x)


class Failed:
    status, message = 4, "tired"


@pytest.mark.skipif(not HAS_POT, reason="POT is not installed")
def test_says_when_the_simplex_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_MAX_PIVOTS", 1)
    x, y, _, _ = clouds(1)
    with (
        pytest.warns(UserWarning, match="numItermax"),
        pytest.raises(RuntimeError, match="network simplex must reach an optimum, got: numIter"),
    ):
        optimal_transport(x, y)
