"""Divergences on one support: by hand, against SciPy, and inequalities between them."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon
from torch import Tensor

from hawc.divergences import discrete

T = partial(torch.tensor, dtype=torch.float64)
HALF_DIFFERENT = (T([0.5, 0.5, 0.0]), T([0.0, 0.5, 0.5]))
SPLIT = (T([1.0, 0.0]), T([0.0, 1.0]))


@st.composite
def two_targets(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    n = draw(st.integers(2, 8))
    distributions = []
    for _ in range(2):
        weights = draw(st.lists(st.integers(0, 5), min_size=n, max_size=n).filter(any))
        distributions.append(T(weights).double() / sum(weights))
    return distributions[0], distributions[1]


def test_by_hand() -> None:
    p, q = HALF_DIFFERENT
    assert float(discrete.total_variation(p, q)) == 0.5
    assert float(discrete.kl(p, q)) == math.inf
    assert float(discrete.reverse_kl(p, q)) == math.inf
    # half of the mass of each is at twice the mean's density
    assert float(discrete.jensen_shannon(p, q)) == pytest.approx(0.5 * math.log(2), abs=1e-15)
    assert float(discrete.jensen_shannon_sum(p, q)) == pytest.approx(math.log(2), abs=1e-15)
    # p = (1, 0), q = (1/2, 1/2), m = (3/4, 1/4): log 4/3 and half of log 2/3 + log 2
    overlapping = float(discrete.jensen_shannon_sum(T([1.0, 0.0]), T([0.5, 0.5])))
    assert overlapping == pytest.approx(math.log(4 / 3) + 0.5 * math.log(4 / 3), abs=1e-15)
    assert float(discrete.kl(T([0.5, 0.5]), T([0.25, 0.75]))) == pytest.approx(
        0.5 * math.log(4 / 3), abs=1e-15
    )
    assert float(discrete.reverse_kl(T([0.25, 0.75]), T([1.0, 0.0]))) == pytest.approx(math.log(4))
    assert float(discrete.kl(T([0.25, 0.75]), T([1.0, 0.0]))) == math.inf


def test_distributions_that_share_no_point_are_at_the_bounds() -> None:
    assert float(discrete.total_variation(*SPLIT)) == 1
    assert float(discrete.jensen_shannon(*SPLIT)) == pytest.approx(math.log(2), abs=1e-15)
    assert float(discrete.jensen_shannon_sum(*SPLIT)) == pytest.approx(2 * math.log(2), abs=1e-15)


def test_distances_know_where_the_points_are() -> None:
    near, far = T([[0.0], [0.1]]), T([[0.0], [3.0]])
    assert discrete.wasserstein_1(near, *SPLIT) == pytest.approx(0.1, abs=1e-15)
    assert discrete.wasserstein_1(far, *SPLIT) == pytest.approx(3.0, abs=1e-15)
    assert float(discrete.squared_energy_distance(far, *SPLIT)) == 3.0


@given(two_targets())
def test_agree_with_scipy(distributions: tuple[Tensor, Tensor]) -> None:
    p, q = (distribution.numpy() for distribution in distributions)
    assert float(discrete.kl(*distributions)) == pytest.approx(stats.entropy(p, q), abs=1e-12)
    assert float(discrete.reverse_kl(*distributions)) == pytest.approx(
        stats.entropy(q, p), abs=1e-12
    )
    # SciPy's is the root, which loses half of the digits near 0
    root = np.nan_to_num(jensenshannon(p, q))
    assert float(discrete.jensen_shannon(*distributions)) == pytest.approx(root**2, abs=1e-12)


@given(two_targets())
def test_known_inequalities(distributions: tuple[Tensor, Tensor]) -> None:
    variation = float(discrete.total_variation(*distributions))
    js = float(discrete.jensen_shannon(*distributions))
    assert variation == float(discrete.total_variation(*distributions[::-1]))
    assert 0 <= variation <= 1 + 1e-15
    assert variation <= math.sqrt(float(discrete.kl(*distributions)) / 2) + 1e-12  # Pinsker
    assert js <= math.log(2) * variation + 1e-12  # Lin 1991


@pytest.mark.parametrize("distance", [discrete.wasserstein_1, discrete.squared_energy_distance])
def test_refuses_a_support_that_does_not_fit(distance: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=r"`support` must have .* got shape \(3, 1\) for 2"):
        distance(T([[0.0], [1.0], [2.0]]), *SPLIT)
    with pytest.raises(ValueError, match="`support` must be finite, got 1 entries"):
        distance(T([[0.0], [math.nan]]), *SPLIT)


def test_gradient_passes_where_a_distribution_has_no_mass() -> None:
    logits = torch.zeros(2, requires_grad=True)
    discrete.kl(T([1.0, 0.0]), logits.softmax(0)).backward()
    torch.testing.assert_close(logits.grad, T([-0.5, 0.5]))
