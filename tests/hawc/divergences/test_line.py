"""Samples on the line: against SciPy, the library's own distance, and standard errors."""

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from hawc.distances import squared_distance
from hawc.divergences import discrete, line, normals
from hawc.kernels import Energy
from hawc.targets import Normal
from tests.hawc.divergences.test_transport import clouds

T = partial(torch.tensor, dtype=torch.float64)


@given(st.integers(0, 10_000))
def test_agrees_with_scipy_and_the_energy_distance(seed: int) -> None:
    x, y, p, q = clouds(seed, d=1)
    flat = [part.ravel() for part in (x, y, p, q)]
    expected = stats.wasserstein_distance(*(part.numpy() for part in flat))
    assert float(line.wasserstein_1(*flat)) == pytest.approx(expected, abs=1e-13)
    same = float(squared_distance(Energy(), x, y, p, q))
    assert float(line.squared_energy_distance(*flat)) == pytest.approx(same, abs=1e-13)


def test_by_hand() -> None:
    assert float(line.wasserstein_1(T([0.0, 2.0]), T([1.0]))) == 1
    assert float(line.squared_energy_distance(T([0.0, 2.0]), T([1.0]))) == 0.5
    assert float(line.wasserstein_1(T([0.0]), T([-3.0]))) == 3


def test_gradient_moves_points_towards_the_others() -> None:
    x = T([0.0, 1.0], requires_grad=True)
    line.wasserstein_1(x, T([5.0, 6.0])).backward()
    torch.testing.assert_close(x.grad, T([-0.5, -0.5]))


def test_weights_of_nearly_one_total_are_balanced() -> None:
    x, p = T([0.0, 100.0]), T([0.5, 0.5])
    for total in (1.00008, 1):
        # the weights differ only by their total
        value = line.wasserstein_1(x, x, p, total * T([0.5, 0.5]))
        assert float(value) == pytest.approx(0, abs=1e-12)
        assert float(line.squared_energy_distance(x, x, p, total * T([0.5, 0.5]))) == pytest.approx(
            0, abs=1e-12
        )
    p.requires_grad_()
    line.wasserstein_1(x, T([0.0]), p, T([1.0])).backward()
    torch.testing.assert_close(p.grad, T([-100.0, 0.0]))  # below 100 the difference is |F - 1|


@pytest.mark.parametrize("distance", [line.wasserstein_1, line.squared_energy_distance])
def test_refuses_masses_and_points(distance: Callable[..., Tensor]) -> None:
    x = T([0.0, 1.0])
    with pytest.raises(
        ValueError, match=r"must have the same (positive )?total, got 1e-07 and 9e-07"
    ):
        distance(x, x, T([1e-7, 0.0]), T([0.0, 9e-7]))
    with pytest.raises(ValueError, match="must have the same positive total, got 0 and 0"):
        distance(x, x, 0 * x, 0 * x)
    with pytest.raises(ValueError, match="`y` must be finite, got 1 entries"):
        distance(x, T([math.nan, 0.0]))
    with pytest.raises(ValueError, match="`x` must be finite, got 1 entries"):
        distance(T([math.inf]), x)


def test_histograms_refuse_points_that_are_not_finite() -> None:
    x, wrong = T([0.0, 1.0]), T([math.nan])
    for name, samples in (("x", (wrong, x)), ("y", (x, wrong))):
        with pytest.raises(ValueError, match=f"`{name}` must be finite, got 1 entries"):
            line.histograms(*samples, x)


def test_samples_of_normal_distributions_within_standard_errors() -> None:
    generator = torch.Generator().manual_seed(0)
    p, q, n = Normal(T([0.0]), 1.0), Normal(T([2.0]), 4.0), 100_000
    x, y = (distribution.sample(n, generator=generator)[:, 0] for distribution in (p, q))
    value = float(line.wasserstein_1(x, y))
    # the quantile functions cross in the far tail only: W1 is nearly the difference of means,
    # whose standard error is sqrt((1 + 4) / n)
    assert value == pytest.approx(normals.wasserstein_1(p, q), abs=4 * math.sqrt(5 / n))


def test_histograms_of_normal_distributions_within_standard_errors() -> None:
    generator = torch.Generator().manual_seed(1)
    p, q, n = Normal(T([0.0]), 1.0), Normal(T([1.0]), 1.0), 200_000
    x, y = (distribution.sample(n, generator=generator)[:, 0] for distribution in (p, q))
    distributions = line.histograms(x, y, torch.linspace(-3, 4, 36))
    # bins of 0.2 lose a share of 0.2^2 / 12; 37 bins of noise have means of some 37 / 2n; the
    # standard deviation of the log ratio is 1
    tolerance = 0.2**2 / 12 + 37 / n + 4 / math.sqrt(n)
    assert float(discrete.kl(*distributions)) == pytest.approx(0.5, abs=tolerance)
    assert float(discrete.total_variation(*distributions)) == pytest.approx(
        normals.total_variation(p, q), abs=tolerance
    )
    assert float(discrete.jensen_shannon(*distributions)) == pytest.approx(
        normals.jensen_shannon(p, q), abs=tolerance
    )


def test_bins_are_closed_below_and_reach_beyond_the_edges() -> None:
    p, q = line.histograms(T([-1.0, 0.0, 0.5, 1.0]), T([2.0]), T([0.0, 1.0]))
    assert p.tolist() == [0.25, 0.5, 0.25]
    assert q.tolist() == [0, 0, 1]


def test_refuses() -> None:
    x = T([0.0, 1.0])
    with pytest.raises(ValueError, match="`x_weights` must not be negative, got -1"):
        line.wasserstein_1(x, x, T([2.0, -1.0]))
    with pytest.raises(ValueError, match="`y_weights` must not be negative, got -1"):
        line.squared_energy_distance(x, x, None, T([2.0, -1.0]))
    with pytest.raises(ValueError, match="must have the same total, got 2 and 1"):
        line.wasserstein_1(x, x, T([1.0, 1.0]))
    with pytest.raises(ValueError, match=r"`y` must be numbers \(n,\) on the line, n >= 1"):
        line.histograms(x, T([]), x)
    with pytest.raises(ValueError, match=r"`edges` must increase, at least one, got \[1.0, 0"):
        line.histograms(x, x, x.flip(0))
