import math
from collections.abc import Callable

import pytest
import torch

from hawc.targets import AbstractTarget, StandardNormal, StudentT, UniformCube
from hawc.targets.checks import normalized_weights


@pytest.mark.parametrize(
    "make", [StandardNormal, StudentT, StudentT.approximating_normal, UniformCube]
)
def test_rejects_a_dimension_below_one(make: Callable[[int], AbstractTarget]) -> None:
    with pytest.raises(ValueError, match="`dim` must be at least 1, got 0"):
        make(0)


def test_weights_get_total_one_in_float64() -> None:
    given = torch.tensor([1.0, 0.0, 3.0], dtype=torch.float32)
    assert normalized_weights(given, 3).tolist() == [0.25, 0.0, 0.75]
    assert given.tolist() == [1.0, 0.0, 3.0]
    assert normalized_weights(None, 4).tolist() == [0.25] * 4


def test_the_total_does_not_depend_on_the_order() -> None:
    # a running sum of the first is 1e16, of the second 1e16 + 2
    first = normalized_weights(torch.tensor([1e16, 1.0, 1.0]), 3)
    second = normalized_weights(torch.tensor([1.0, 1.0, 1e16]), 3)
    assert torch.equal(first, second.flip(0))


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1e-9], [math.nan, 1.0], []])
@pytest.mark.usefixtures("no_shape_checks")
def test_rejects_weights(weights: list[float]) -> None:
    with pytest.raises(
        ValueError, match=r"`weights` must (hold one weight per point, 2|not be neg)"
    ):
        normalized_weights(torch.tensor(weights), 2)


@pytest.mark.parametrize("weights", [[0.0, 0.0], [math.inf, 1.0], [1e308, 1e308]])
def test_rejects_a_total_weight(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="`weights` must have a positive finite sum, got"):
        normalized_weights(torch.tensor(weights), 2)
