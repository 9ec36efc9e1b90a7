"""Numbers, generators and objects of callers."""

from typing import Any

import numpy as np
import pytest
import torch

from hawc.arguments import (
    check_instance,
    checked_generator,
    described,
    real_number,
    whole_number,
)
from hawc.kernels import AbstractKernel, Energy

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


@pytest.mark.parametrize("value", [1, 1.0, True, np.float32(1), np.array(1.0), torch.tensor(1.0)])
def test_single_numbers_are_taken(value: Any) -> None:
    number = real_number("a", value)
    assert number == 1.0
    assert type(number) is float


@pytest.mark.parametrize("value", ["1", None, [1.0], np.ones(1), torch.ones(2), 1j, np.float64])
def test_anything_but_a_single_number_is_refused_by_name(value: Any) -> None:
    with pytest.raises(ValueError, match="`a` must be a single number, got"):
        real_number("a", value)


def test_only_objects_of_the_class_are_taken() -> None:
    check_instance("kernel", Energy(), AbstractKernel)
    check_instance("kernel", None, AbstractKernel, or_none=True)
    for wrong, message in (
        (None, r"`kernel` must be a hawc\.kernels\.AbstractKernel, got None; give an object"),
        (Energy, r"got the class Energy; give an object of the class: Energy\(\.\.\.\)\.$"),
        (torch.ones(3, 2), r"got a Tensor of shape \(3, 2\); give an object such as"),
        ("energy", r"got 'energy'; give an object such as hawc\.kernels\.Energy\(\)\.$"),
    ):
        with pytest.raises(ValueError, match=message):
            check_instance("kernel", wrong, AbstractKernel)


def test_long_values_are_described_by_their_type() -> None:
    assert described([0.0] * 100) == "a list"
    assert described(np.ones((3, 2))) == "a ndarray of shape (3, 2)"
