"""Points and weights of callers: conversions, and refusals by name."""

from typing import Any

import numpy as np
import pytest
import torch

from hawc.points import as_points, as_real, as_weights

VALUES = [[0, 1, 1], [1, 0, 1]]
WHOLE = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool)


@pytest.mark.parametrize("dtype", WHOLE)
def test_whole_numbers_become_float64(dtype: torch.dtype) -> None:
    points = as_points("x", torch.tensor(VALUES, dtype=dtype))
    assert points.dtype == torch.float64
    assert points.tolist() == VALUES


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_precision_from_float32_on_is_kept(given: torch.dtype, kept: torch.dtype) -> None:
    points = as_points("x", torch.tensor(VALUES, dtype=given))
    assert points.dtype == kept
    assert points.tolist() == VALUES


@pytest.mark.parametrize(
    "dtype", ["?", "u1", "i1", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", ">f8", ">i4", "g"]
)
def test_numpy_arrays_of_every_kind_are_taken(dtype: str) -> None:
    points = as_points("x", np.array(VALUES).astype(dtype))
    assert points.dtype == (torch.float32 if dtype in ("f2", "f4") else torch.float64)
    assert points.tolist() == VALUES


def test_strides_of_any_kind_are_taken() -> None:
    array = np.arange(24.0).reshape(4, 6)
    frozen = array.copy()
    frozen.setflags(write=False)
    for given in (array[::-1], array[:, ::-2], array.T, np.asfortranarray(array), frozen):
        before = given.copy()
        points = as_points("x", given)
        assert points.tolist() == given.tolist()
        points += 1  # a read-only array must not change by it
    np.testing.assert_array_equal(frozen, before)


def test_lists_are_taken_in_float64_under_every_default() -> None:
    torch.set_default_dtype(torch.float32)  # put back by the package's fixture
    with torch.device("meta"):
        points = as_points("x", [[0.1, 0.2], (1, 2)])
    assert (points.dtype, points.device.type) == (torch.float64, "cpu")
    assert points.tolist() == [[0.1, 0.2], [1, 2]]


def test_graphs_are_kept() -> None:
    leaf = torch.ones(2, requires_grad=True)
    as_points("x", [leaf, 2 * leaf]).sum().backward()
    assert leaf.grad is not None
    assert leaf.grad.tolist() == [3, 3]
    half = torch.ones(1, 2, dtype=torch.float16, requires_grad=True)
    assert as_points("x", half).requires_grad


@pytest.mark.parametrize(
    "value",
    [
        torch.ones(2, 2, dtype=torch.complex64),
        np.ones((2, 2), dtype=complex),
        np.array([["1", "2"]]),
        np.array([[object()]]),
        np.array([["2020-01-01"]], dtype="datetime64"),
        [[1.0, 2.0], [3.0]],
        [torch.ones(2), torch.ones(3)],
        "points",
        None,
        {1: 2},
    ],
)
@pytest.mark.usefixtures("no_shape_checks")
def test_anything_but_real_numbers_is_refused_by_name(value: Any) -> None:
    with pytest.raises(ValueError, match="`x` must hold real numbers"):
        as_real("x", value)


@pytest.mark.parametrize("shape", [(3,), (3, 2, 1), (0, 2), (3, 0), ()])
def test_other_shapes_are_refused_by_name(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"`x` must have shape \(n, d\) with n >= 1, d >= 1, got"):
        as_points("x", np.ones(shape))


def test_dimension_and_number_of_points_are_checked() -> None:
    assert as_points("x", np.ones((0, 2)), dim=2, smallest=0).shape == (0, 2)
    with pytest.raises(ValueError, match=r"\(n, 3\) with n >= 2 for cats, got \(2, 2\)"):
        as_points("x", np.ones((2, 2)), dim=3, smallest=2, purpose="cats")
    with pytest.raises(ValueError, match=r"n >= 2, d >= 1, got \(1, 2\)"):
        as_points("x", np.ones((1, 2)), smallest=2)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused_if_wanted(bad: float) -> None:
    assert as_points("x", [[1, bad]]).shape == (1, 2)
    with pytest.raises(ValueError, match="`x` must be finite"):
        as_points("x", [[1, bad]], finite=True)


@pytest.mark.usefixtures("no_shape_checks")
def test_weights_are_one_per_point() -> None:
    assert as_weights("w", [1, 2, 3], 3).tolist() == [1, 2, 3]
    for wrong in ([1, 2], [[1, 2, 3]], 3):
        with pytest.raises(ValueError, match="`w` must hold one weight per point, 3 in all"):
            as_weights("w", wrong, 3)


def test_sparse_tensors_are_taken() -> None:
    assert as_points("x", torch.eye(3).to_sparse()).tolist() == torch.eye(3).tolist()


def test_masked_values_are_refused_by_name() -> None:
    masked = np.ma.masked_array(VALUES, mask=[[0, 0, 1], [0, 0, 0]])
    for wrong in (masked, list(masked)):
        with pytest.raises(ValueError, match="`x` must hold no masked values"):
            as_points("x", wrong)
    assert as_points("x", np.ma.masked_array(VALUES)).tolist() == VALUES


def test_a_single_row_of_numbers_gets_advice() -> None:
    with pytest.raises(ValueError, match=r"got \(5,\); reshape to one row per point\.$"):
        as_points("x", np.arange(5))
