"""Smoothed transport: between the exact plan and the independent one; refusals."""

import math
import sys
from typing import Any

import pytest
import torch

from hawc.divergences.entropic import entropic_transport
from hawc.divergences.transport import wasserstein_1
from tests.hawc.divergences.test_transport import HAS_POT, clouds

needs_pot = pytest.mark.skipif(not HAS_POT, reason="POT is not installed")


@needs_pot
@pytest.mark.parametrize("smoothing", [0.3, 0.1, 0.03])
def test_cost_exceeds_the_exact_one_by_the_entropy_at_most(smoothing: float) -> None:
    x, y, p, q = clouds(0)
    result = entropic_transport(x, y, p, q, smoothing=smoothing, iterations=20_000)
    exact = wasserstein_1(x, y, p, q)
    assert result.error < 1e-5
    # a plan that is 1e-5 off may be cheaper by that times the largest distance
    assert exact - 1e-4 < result.cost < exact + smoothing * math.log(min(len(x), len(y)))


@needs_pot
def test_much_smoothing_gives_the_independent_plan() -> None:
    x, y, p, q = clouds(1)
    result = entropic_transport(x, y, p, q, smoothing=1e6)
    torch.testing.assert_close(result.plan, p[:, None] * q, rtol=1e-4, atol=0)
    assert result.cost == pytest.approx(float(p @ torch.cdist(x, y) @ q), rel=1e-4)


@needs_pot
def test_says_how_far_off_it_stopped() -> None:
    x, y, p, q = clouds(2)
    assert entropic_transport(x, y, p, q, smoothing=0.01, iterations=1).error > 1e-3


@pytest.mark.parametrize("wrong", [{"smoothing": 0.0}, {"iterations": 0}])
def test_refuses_numbers(wrong: dict[str, Any]) -> None:
    with pytest.raises(
        ValueError, match=r"`(smoothing` must be > 0|iterations` must be at least 1), got 0"
    ):
        entropic_transport(*clouds(0)[:2], **wrong)


def test_refuses_negative_weights() -> None:
    x, y, p, q = clouds(0)
    for name, weights in (("x_weights", (p.clone(), q)), ("y_weights", (p, q.clone()))):
        changed = weights[name == "y_weights"]
        changed[0], changed[1] = -changed[0], changed[1] + 2 * changed[0]
        with pytest.raises(ValueError, match=f"`{name}` must not be negative"):
            entropic_transport(x, y, *weights)


@pytest.mark.parametrize("name", ["x", "y"])
def test_refuses_points_that_are_not_finite(name: str) -> None:
    sets = dict(zip("xy", clouds(0)[:2], strict=True))
    sets[name][0, 0] = math.nan
    with pytest.raises(ValueError, match=f"`{name}` must be finite, got 1 entries"):
        entropic_transport(**sets)


def test_refuses_sets_without_mass() -> None:
    x, y, p, q = clouds(0)
    with pytest.raises(ValueError, match="`x_weights` and `y_weights` must have the same positive"):
        entropic_transport(x, y, 0 * p, 0 * q)


def test_names_the_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ot", None)
    with pytest.raises(ImportError, match="`entropic_transport` needs the package POT, which"):
        entropic_transport(*clouds(0)[:2])
