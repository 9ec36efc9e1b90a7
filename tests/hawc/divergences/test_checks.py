"""What is refused as a law."""

from functools import partial

import pytest
import torch
from torch import Tensor

from hawc.divergences.checks import balanced, check_not_negative, checked_laws

T = partial(torch.tensor, dtype=torch.float64)


@pytest.mark.parametrize(
    ("p", "q", "message"),
    [
        (T([0.5, 0.5]), T([1.0]), r"on one support, n >= 1, got shapes \(2,\) and \(1,\)"),
        (T([]), T([]), r"got shapes \(0,\) and \(0,\); give 0 to points"),
        (T([1.5, -0.5]), T([0.5, 0.5]), "`p` must not be negative, got -0.5; signed weights are"),
        (T([0.5, 0.5]), T([0.5, float("nan")]), "`q` must not be negative, got nan"),
        (T([0.5, 0.5]), T([0.5, 0.4]), "`q` must have total 1, got 0.9; divide the weights by"),
        (T([0.5, float("inf")]), T([0.5, 0.5]), "`p` must have total 1, got inf"),
    ],
)
def test_refuses(p: Tensor, q: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        checked_laws(p, q)


def test_takes_laws_in_any_precision() -> None:
    law = torch.full((10_000,), 1e-4, dtype=torch.float32)  # its total is off by rounding
    assert checked_laws(law, law)[0].dtype == torch.float32
    assert checked_laws(T([1.0]).half(), T([1.0]).half())[1].dtype == torch.float32
    check_not_negative("p", T([0.0]))


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
