"""Divergences on one support: by hand, against SciPy, and what holds between them."""

import math
from functools import partial

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
APART = (T([1.0, 0.0]), T([0.0, 1.0]))


@st.composite
def two_laws(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    n = draw(st.integers(2, 8))
    laws = []
    for _ in range(2):
        weights = draw(st.lists(st.integers(0, 5), min_size=n, max_size=n).filter(any))
        laws.append(T(weights).double() / sum(weights))
    return laws[0], laws[1]


def test_by_hand() -> None:
    p, q = HALF_DIFFERENT
    assert float(discrete.total_variation(p, q)) == 0.5
    assert float(discrete.kl(p, q)) == math.inf
    assert float(discrete.reverse_kl(p, q)) == math.inf
    # half of the mass of each is at twice the mean's density
    assert float(discrete.jensen_shannon(p, q)) == pytest.approx(0.5 * math.log(2), abs=1e-15)
    assert float(discrete.jensen_shannon_sum(p, q)) == pytest.approx(math.log(2), abs=1e-15)
    assert float(discrete.kl(T([0.5, 0.5]), T([0.25, 0.75]))) == pytest.approx(
        0.5 * math.log(4 / 3), abs=1e-15
    )
    assert float(discrete.reverse_kl(T([0.25, 0.75]), T([1.0, 0.0]))) == pytest.approx(math.log(4))
    assert float(discrete.kl(T([0.25, 0.75]), T([1.0, 0.0]))) == math.inf


def test_laws_that_share_no_point_are_at_the_bounds() -> None:
    assert float(discrete.total_variation(*APART)) == 1
    assert float(discrete.jensen_shannon(*APART)) == pytest.approx(math.log(2), abs=1e-15)
    assert float(discrete.jensen_shannon_sum(*APART)) == pytest.approx(2 * math.log(2), abs=1e-15)


def test_distances_know_where_the_points_are() -> None:
    near, far = T([[0.0], [0.1]]), T([[0.0], [3.0]])
    assert discrete.wasserstein_1(near, *APART) == pytest.approx(0.1, abs=1e-15)
    assert discrete.wasserstein_1(far, *APART) == pytest.approx(3.0, abs=1e-15)
    assert float(discrete.squared_energy_distance(far, *APART)) == 3.0


@given(two_laws())
def test_agree_with_scipy(laws: tuple[Tensor, Tensor]) -> None:
    p, q = (law.numpy() for law in laws)
    assert float(discrete.kl(*laws)) == pytest.approx(stats.entropy(p, q), abs=1e-12)
    assert float(discrete.reverse_kl(*laws)) == pytest.approx(stats.entropy(q, p), abs=1e-12)
    # SciPy's is the root, which loses half of the digits near 0
    root = np.nan_to_num(jensenshannon(p, q))
    assert float(discrete.jensen_shannon(*laws)) == pytest.approx(root**2, abs=1e-12)


@given(two_laws())
def test_known_inequalities(laws: tuple[Tensor, Tensor]) -> None:
    variation = float(discrete.total_variation(*laws))
    js = float(discrete.jensen_shannon(*laws))
    assert variation == float(discrete.total_variation(*laws[::-1]))
    assert 0 <= variation <= 1 + 1e-15
    assert variation <= math.sqrt(float(discrete.kl(*laws)) / 2) + 1e-12  # Pinsker
    assert js <= math.log(2) * variation + 1e-12  # Lin 1991
    assert float(discrete.jensen_shannon_sum(*laws)) == 2 * js


def test_gradient_passes_where_a_law_has_no_mass() -> None:
    logits = torch.zeros(2, requires_grad=True)
    discrete.kl(T([1.0, 0.0]), logits.softmax(0)).backward()
    torch.testing.assert_close(logits.grad, T([-0.5, 0.5]))
