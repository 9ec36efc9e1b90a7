import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from metrics import VendiScore, vendi_score
from tests.metrics.sets import real_and_fake

ORDERS = [0.1, 0.5, 1 - 1e-9, 1.0, 1 + 1e-6, 2.0, 50.0, 1e6, math.inf]


def by_definition(features: Float[Tensor, "n f"], q: float) -> float:
    """Returns exp of Renyi's entropy of the eigenvalues of the n x n matrix, by NumPy."""
    x = features.double().numpy()
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    shares = np.linalg.eigvalsh(unit @ unit.T / len(x))
    shares = shares[shares > 1e-12]
    if q == 1:
        return float(np.exp(-(shares * np.log(shares)).sum()))
    return float((shares**q).sum() ** (1 / (1 - q)))


@pytest.mark.parametrize("q", [0.1, 0.5, 0.999, 1.0, 1.001, 2.0, 5.0])
@pytest.mark.parametrize("num_features", [3, 40, 200])  # both sides of the dual form
def test_values_are_those_of_the_definition(q: float, num_features: int) -> None:
    features, _ = real_and_fake(80, 10, num_features)
    # rounding of the smallest eigenvalues, which matters most for q = 0.1
    assert float(vendi_score(features, q)) == pytest.approx(by_definition(features, q), rel=1e-9)


@pytest.mark.parametrize("q", [0.0, *ORDERS])
@pytest.mark.parametrize("copies", [1, 7])
def test_orthogonal_kinds_count_one_each(q: float, copies: int) -> None:
    kinds = torch.eye(5, 8).repeat(copies, 1) * torch.arange(1, 5 * copies + 1)[:, None]
    # rounding of eps / |1 - q| for q = 1 + 1e-6
    assert float(vendi_score(kinds, q)) == pytest.approx(5, rel=1e-9)


@pytest.mark.parametrize("q", [0.0, *ORDERS])
def test_parallel_features_are_one_image(q: float) -> None:
    features = torch.arange(1.0, 10)[:, None] * torch.tensor([[1.0, 2.0, -3.0, 0.5]])
    assert float(vendi_score(features, q)) == pytest.approx(1, rel=1e-9)


def test_two_kinds_of_unequal_shares_have_the_known_score() -> None:
    features = torch.eye(2)[[0, 0, 0, 1]]
    assert float(vendi_score(features, 1.0)) == pytest.approx(4 / 3**0.75, rel=1e-12)
    assert float(vendi_score(features, 2.0)) == pytest.approx(1 / (9 / 16 + 1 / 16), rel=1e-12)
    assert float(vendi_score(features, math.inf)) == pytest.approx(4 / 3, rel=1e-12)
    assert float(vendi_score(features, 0.0)) == pytest.approx(2, rel=1e-12)


def test_the_score_falls_smoothly_with_the_order() -> None:
    features, _ = real_and_fake(60, 10, 12)
    scores = [float(vendi_score(features, q)) for q in ORDERS]
    assert all(left >= right - 1e-8 for left, right in pairwise(scores))
    assert scores[2] == pytest.approx(scores[3], rel=1e-8)
    assert scores[4] == pytest.approx(scores[3], rel=1e-5)
    assert scores[-2] == pytest.approx(scores[-1], rel=1e-4)
    assert scores[0] > 1.1 * scores[-1]


def test_zero_features_are_one_separate_kind() -> None:
    features = torch.cat([torch.eye(3), torch.zeros(1, 3)])
    assert float(vendi_score(features)) == pytest.approx(4, rel=1e-12)
    assert float(vendi_score(torch.zeros(6, 3))) == pytest.approx(1, rel=1e-12)


def test_the_metric_is_that_of_generated_images() -> None:
    real, fake = real_and_fake()
    metric = VendiScore(q=2.0)
    metric.update(real, real=True)
    metric.update(fake, real=False)
    assert float(metric.compute()) == float(vendi_score(fake, 2.0))


@pytest.mark.parametrize("q", [-1.0, math.nan])
def test_orders_below_zero_are_refused(q: float) -> None:
    with pytest.raises(ValueError, match=f"`q` must be at least 0, got {q}; 1 is"):
        VendiScore(q=q)
    with pytest.raises(ValueError, match=f"`q` must be at least 0, got {q}; 1 is"):
        vendi_score(torch.eye(3), q)
