"""Checks of points and weights: refusals and scaling."""

from functools import partial

import pytest
import torch
from torch import Tensor

from hawc.divergences.checks import (
    balanced,
    check_finite,
    check_not_negative,
    checked_distributions,
)

T = partial(torch.tensor, dtype=torch.float64)


@pytest.mark.parametrize(
    ("p", "q", "message"),
    [
        (T([0.5, 0.5]), T([1.0]), r"on one support, n >= 1, got shapes \(2,\) and \(1,\)"),
        (T([]), T([]), r"got shapes \(0,\) and \(0,\); use weight 0 for points"),
        (T([1.5, -0.5]), T([0.5, 0.5]), "`p` must not be negative, got -0.5; signed weights are"),
        (T([0.5, 0.5]), T([0.5, float("nan")]), "`q` must not be negative, got nan"),
        (T([0.5, 0.5]), T([0.5, 0.4]), "`q` must have total 1, got 0.9; divide the weights by"),
        (T([0.5, float("inf")]), T([0.5, 0.5]), "`p` must have total 1, got inf"),
    ],
)
def test_refuses(p: Tensor, q: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        checked_distributions(p, q)


def test_accepts_distributions_in_any_precision() -> None:
    distribution = torch.full((10_000,), 1e-4, dtype=torch.float32)  # its total is off by rounding
    assert checked_distributions(distribution, distribution)[0].dtype == torch.float32
    assert checked_distributions(T([1.0]).half(), T([1.0]).half())[1].dtype == torch.float32
    check_not_negative("p", T([0.0]))


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -float("inf")])
def test_refuses_points_that_are_not_finite(wrong: float) -> None:
    check_finite("x", T([[1.0, 2.0]]))
    with pytest.raises(ValueError, match="`x` must be finite, got 2 entries that are NaN or inf"):
        check_finite("x", T([[1.0, wrong], [wrong, 2.0]]))


def test_balanced_masses_keep_their_gradient() -> None:
    p, q = T([1.0, 2.0], requires_grad=True), T([3.0001], requires_grad=True)
    sum(part.sum() for part in balanced(p, q, ("p", "q"))).backward()
    assert p.grad.tolist() == [1, 1]
    assert float(q.grad) == pytest.approx(3 / 3.0001, rel=1e-12)


def test_masses_of_nearly_one_total_are_balanced() -> None:
    p, q = balanced(T([1.0, 2.0]).float(), T([3.0001]), ("p", "q"))
    assert p.dtype == q.dtype == torch.float64
    assert float(q) == pytest.approx(3, rel=1e-15)


@pytest.mark.parametrize(
    ("p", "q", "message"),
    [
        (T([1.0]), T([1.001]), "`a` and `b` must have the same positive total, got 1 and 1.001"),
        (T([0.0]), T([0.0]), "must have the same positive total, got 0 and 0; scale one"),
        (T([1.0]), T([-1.0]), "`b` must not be negative, got -1"),
    ],
)
def test_refuses_masses(p: Tensor, q: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        balanced(p, q, ("a", "b"))
