"""Reconstruction distances and feature matching against numbers by hand."""

import pytest
import torch

from lightning_modules.losses.translation import (
    Distance,
    feature_matching,
    reconstruction_distance,
)

ORIGINAL = torch.tensor([[[0.0, 3.0]], [[4.0, 0.0]]])
MADE = torch.tensor([[[0.0, 3.5]], [[4.0, 2.0]]])  # gaps 0, 0.5, 0 and 2


@pytest.mark.parametrize(
    ("distance", "expected"),
    [
        ("l1", 2.5 / 4),
        ("mse", 4.25 / 4),
        ("huber", (0.5**2 / 2 + 1 * (2 - 1 / 2)) / 4),  # delta 1: one gap on either side
        ("cosine", (0 + 1 - 4 / (16 + 4) ** 0.5) / 2),
    ],
)
def test_distances_by_hand(distance: Distance, expected: float) -> None:
    value = reconstruction_distance(distance, MADE, ORIGINAL, huber_delta=1.0)
    assert value.item() == pytest.approx(expected, rel=1e-6)  # float32
    assert reconstruction_distance(distance, MADE, MADE, 1.0).item() == pytest.approx(0, abs=1e-6)


def test_a_smaller_delta_turns_huber_linear_earlier() -> None:
    value = reconstruction_distance("huber", MADE, ORIGINAL, huber_delta=0.1)
    expected = (0.1 * (0.5 - 0.05) + 0.1 * (2 - 0.05)) / 4
    assert value.item() == pytest.approx(expected, rel=1e-6)


def test_feature_matching_compares_means_of_batches() -> None:
    real = [torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[[1.0]], [[5.0]]])]
    fake = [torch.tensor([[2.0, 3.0], [2.0, 5.0], [2.0, 7.0]]), torch.tensor([[[0.0]]])]
    # means (2, 3) against (2, 5), and 3 against 0
    assert feature_matching(real, fake).item() == pytest.approx((0 + 4) / 2 + 9)
    assert feature_matching(real[:1], fake[:1]).item() == pytest.approx(2)


def test_means_of_half_precision_features_keep_their_digits() -> None:
    real = torch.tensor([[1.0], [1.0078125]], dtype=torch.bfloat16)  # neighbours there
    matching = feature_matching([real], [torch.ones(3, 1, dtype=torch.bfloat16)])
    assert matching.dtype == torch.float32
    assert matching.item() == 0.00390625**2
