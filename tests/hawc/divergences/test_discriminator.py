"""The optimal discriminator: its value, and that others have less."""

import math
from functools import partial

import pytest
import torch

from hawc.divergences import densities, discriminator
from hawc.targets import GaussianMixture, Normal

T = partial(torch.tensor, dtype=torch.float64)
P = GaussianMixture(T([0.3, 0.7]), T([[-2.0], [1.0]]), T([0.25, 1.0]))
Q = Normal(T([0.5]), 2.0)
TARGETS = (P.log_density, Q.log_density)
REACH = (-20.0, 20.0)


def best(points: torch.Tensor) -> torch.Tensor:
    return discriminator.optimal_logit(*TARGETS, points)


def test_it_is_the_share_of_the_real_density() -> None:
    points = torch.linspace(-4, 4, 9)[:, None]
    p, q = (distribution(points).exp() for distribution in TARGETS)
    torch.testing.assert_close(best(points).sigmoid(), p / (p + q))


def test_its_value_is_the_jensen_shannon_divergence() -> None:
    value = discriminator.value(best, *TARGETS, REACH)
    assert value == pytest.approx(discriminator.optimal_value(*TARGETS, REACH), abs=1e-12)
    js = densities.jensen_shannon(*TARGETS, REACH)
    assert value == pytest.approx(2 * js - math.log(4), abs=1e-12)
    same = (P.log_density, P.log_density)
    assert discriminator.optimal_value(*same, REACH) == pytest.approx(-math.log(4), abs=1e-12)


@pytest.mark.parametrize("shift", [-0.3, 0.3])
def test_any_other_is_worse(shift: float) -> None:
    other = discriminator.value(lambda x: best(x) + shift, *TARGETS, REACH)
    assert other < discriminator.optimal_value(*TARGETS, REACH) - 1e-3


def test_disjoint_distributions_have_value_zero() -> None:
    far = Normal(T([40.0]), 1.0), Normal(T([-40.0]), 1.0)
    value = discriminator.optimal_value(
        *(distribution.log_density for distribution in far), (-60.0, 60.0)
    )
    assert value == pytest.approx(0, abs=1e-9)
