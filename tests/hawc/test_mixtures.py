"""Sums over rates in place of integrals, for lengths of every size."""

from collections.abc import Callable
from functools import partial

import pytest
import torch

from hawc.kernels import AbstractKernel, Energy, HuberEnergy, Power, Quotient

LENGTHY = [HuberEnergy, partial(Power, 0.5), partial(Quotient, 0.5)]


@pytest.mark.parametrize("make", LENGTHY)
def test_lengths_of_any_size_have_a_mixture(make: Callable[[float], AbstractKernel]) -> None:
    squared = torch.tensor([0.25, 25.0, 2.5e5], dtype=torch.float64)
    for a in (1e-18, 1e-12, 1.0, 1e8, 1e12):
        kernel = make(a)
        rate, weight = kernel.mixture()
        mixed = -torch.expm1(-squared[:, None] * rate) @ weight
        # 1e-10: the largest rates, and the smallest, are at the ends of what is summed up
        torch.testing.assert_close(mixed, kernel.profile(squared), rtol=1e-10, atol=0)
        assert kernel.profile(squared.float()).isfinite().all()


def test_rates_reach_as_far_as_a_length_needs() -> None:
    ordinary, tiny, huge = (HuberEnergy(a).mixture()[0] for a in (1e-10, 1e-18, 1e18))
    # no more than the potentials of unit distributions need: 112 units of log t in steps of 0.3
    assert len(Energy().mixture()[0]) == 374
    assert len(ordinary) <= 374
    assert float(tiny[-1]) > 1e36
    assert float(huge[0]) < 1e-36
