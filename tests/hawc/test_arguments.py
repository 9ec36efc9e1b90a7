"""Whole numbers and generators as callers give them."""

from typing import Any

import numpy as np
import pytest
import torch

from hawc.arguments import checked_generator, whole_number

pytestmark = pytest.mark.usefixtures("no_shape_checks")


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3), torch.tensor(3)])
def test_whole_numbers_are_taken(value: Any) -> None:
    number = whole_number("k", value, 3)
    assert number == 3
    assert type(number) is int


@pytest.mark.parametrize("value", [3.0, 2.5, True, np.True_, np.float64(3), "3", None, [3]])
def test_others_are_refused_by_name(value: Any) -> None:
    with pytest.raises(ValueError, match="`k` must be a whole number of at least 1, got"):
        whole_number("k", value, 1)


def test_too_small_ones_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="`k` must be at least 4, got 3"):
        whole_number("k", 3, 4)


def test_generators_are_taken_and_seeds_refused() -> None:
    generator = torch.Generator()
    assert checked_generator("generator", generator) is generator
    for wrong, seed in ((7, 7), (None, 0), ("cpu", 0)):
        with pytest.raises(ValueError, match=rf"`generator` must be .*manual_seed\({seed}\)"):
            checked_generator("generator", wrong)  # type: ignore[arg-type]
