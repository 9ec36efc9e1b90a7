"""The order of values, some of which differ by rounding alone."""

import math

import pytest
import torch

from hawc.compression.ties import tolerant_argmin, tolerant_argsort


@pytest.mark.parametrize("scale", [1e-9, -1e-9, 1.0, -1.0, 1e9, -1e9])
def test_rounding_does_not_change_the_order(scale: float) -> None:
    values = torch.tensor([3.0, 1.0, 2.0, 1.0, 2.0, 1.0])
    for seed in range(20):
        noise = torch.rand(6, generator=torch.Generator().manual_seed(seed))
        rounded = scale * values * (1 + 1e-13 * noise)
        expected = [1, 3, 5, 2, 4, 0] if scale > 0 else [0, 2, 4, 1, 3, 5]
        assert tolerant_argsort(rounded).tolist() == expected
        assert tolerant_argmin(rounded) == expected[0]


def test_a_larger_difference_changes_the_order() -> None:
    values = torch.tensor([1 + 1e-8, 1.0, 1 - 1e-8])
    assert tolerant_argsort(values).tolist() == [2, 1, 0]
    assert tolerant_argmin(values) == 2
    assert tolerant_argmin(values, margin=1e-7) == 0


@pytest.mark.parametrize("highest", [math.nan, math.inf])
def test_nan_comes_last(highest: float) -> None:
    values = torch.tensor([highest, 2.0, highest, 0.0])
    assert tolerant_argsort(values).tolist() == [3, 1, 0, 2]
    assert tolerant_argmin(values) == 3
    assert tolerant_argmin(values[[0, 2]]) == 0
    assert tolerant_argsort(values[[0, 2]]).tolist() == [0, 1]


def test_few_values_are_in_order() -> None:
    assert tolerant_argsort(torch.empty(0)).tolist() == []
    assert tolerant_argsort(torch.ones(1)).tolist() == [0]
