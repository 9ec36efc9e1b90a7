import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from metrics import Novelty, repeat_threshold
from tests.metrics.sets import real_and_fake


def measured(reference: Tensor, fake: Tensor, threshold: float | None = None) -> list[float]:
    metric = Novelty(threshold=threshold)
    metric.update(fake, real=False)
    metric.update(reference, real=True)
    values = metric.compute()
    return [float(values["novelty"]), float(values["share_copied"])]


@pytest.mark.parametrize("threshold", [None, 0.7])
def test_values_are_those_of_scikit_learn(threshold: float | None) -> None:
    real, fake = real_and_fake()
    fitted = NearestNeighbors().fit(real.double().numpy())
    distances = fitted.kneighbors(fake.double().numpy(), 1)[0]
    below = threshold or repeat_threshold(real)
    expected = [distances.mean(), np.mean(distances < below)]
    assert measured(real, fake, threshold) == pytest.approx(expected, rel=1e-10)


def test_copies_are_not_new() -> None:
    real, _ = real_and_fake()
    assert measured(real, real.flip(0)) == [0, 1]


def test_novelty_is_the_mean_distance() -> None:
    reference = torch.tensor([[0.0, 0.0], [10.0, 0.0]])
    fake = torch.tensor([[0.0, 1.0], [10.0, -3.0]])
    assert measured(reference, fake, 2.0) == [2, 0.5]


def test_one_image_is_a_reference_where_a_threshold_is_given() -> None:
    one, fake = torch.zeros(1, 2), torch.tensor([[3.0, 4.0]])
    assert measured(one, fake, 1.0) == [5, 0]
    with pytest.raises(ValueError, match=r"real=True\)` must bring at least 2 .* got 1"):
        measured(one, fake)


def test_a_threshold_that_is_no_distance_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`threshold` must be > 0 and finite, got -1.0"):
        Novelty(threshold=-1.0)
