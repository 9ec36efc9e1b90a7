"""Every history: it grows by whole batches, raises conflicts, and its views do not change."""

import copy
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from hawc.history import AbstractHistory, DatabaseHistory, HistoryConflictError, MemoryHistory
from hawc.history.abstract import checked_points
from hawc.targets import StandardNormal

NewHistory = Callable[[int], AbstractHistory]


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def new_history(request: pytest.FixtureRequest) -> NewHistory:
    """Returns a function from a dimension to an empty history, of each kind in turn."""
    if request.param == "memory":
        return MemoryHistory
    if request.param == "sqlite":
        url = request.getfixturevalue("sqlite_url")
    else:
        url = request.getfixturevalue("postgresql")()
    return lambda dim: DatabaseHistory(url, StandardNormal(dim), create=True)


@pytest.fixture
def history(new_history: NewHistory) -> AbstractHistory:
    """Returns a history of three points in the plane."""
    three = new_history(2)
    three.append(torch.randn(3, 2, generator=torch.Generator().manual_seed(0)), expected_length=0)
    return three


def test_starts_empty(new_history: NewHistory) -> None:
    empty = new_history(3)
    assert (len(empty), empty.dim) == (0, 3)
    assert empty.points().shape == (0, 3)


@pytest.mark.parametrize("batch_sizes", [(1,), (2, 1, 5), (1,) * 30])
def test_keeps_batches_in_order(new_history: NewHistory, batch_sizes: tuple[int, ...]) -> None:
    history = new_history(3)
    batches = [torch.full((size, 3), i + 1 / 3) for i, size in enumerate(batch_sizes)]
    for batch in batches:
        history.append(batch, expected_length=len(history))
    assert len(history) == sum(batch_sizes)
    assert torch.equal(history.points(), torch.cat(batches))


@pytest.mark.parametrize("expected_length", [0, 2, 4])
def test_raises_a_conflict_for_another_length(
    history: AbstractHistory, expected_length: int
) -> None:
    before = history.points().clone()
    with pytest.raises(HistoryConflictError, match=f"holds 3 points where {expected_length} were"):
        history.append(torch.ones(1, 2), expected_length=expected_length)
    assert torch.equal(history.points(), before)


@pytest.mark.parametrize("shape", [(0, 2), (1, 3), (2,)])
@pytest.mark.usefixtures("no_shape_checks")
def test_refuses_another_shape(history: AbstractHistory, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"`points` must have shape \(n, 2\) with n >= 1, got"):
        history.append(torch.ones(shape), expected_length=3)
    assert len(history) == 3


@pytest.mark.parametrize(
    "given", [[[1, 2]], np.array([[1, 2]], np.int32)[:, ::1], torch.tensor([[1, 2]])]
)
def test_accepts_anything_with_real_numbers(history: AbstractHistory, given: object) -> None:
    history.append(given, expected_length=3)  # type: ignore[arg-type]
    assert torch.equal(history.points()[3:], torch.tensor([[1.0, 2.0]]))


@pytest.mark.usefixtures("no_shape_checks")
def test_refuses_other_contents(history: AbstractHistory) -> None:
    with pytest.raises(ValueError, match=r"`points` must hold real numbers, got torch\.complex64"):
        history.append(torch.ones(1, 2, dtype=torch.complex64), expected_length=3)
    with pytest.raises(ValueError, match=r"`points` must hold numbers, got .* device meta"):
        history.append(torch.ones(1, 2, device="meta"), expected_length=3)
    assert len(history) == 3


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_refuses_points_that_are_not_finite(history: AbstractHistory, value: float) -> None:
    with pytest.raises(ValueError, match=r"`points` must be finite in torch\.float64, got NaN or"):
        history.append(torch.tensor([[0.0, 1.0], [0.0, value]]), expected_length=3)
    assert len(history) == 3


def test_copies_the_callers_tensor(history: AbstractHistory) -> None:
    batch = torch.ones(2, 2, requires_grad=True)
    history.append(batch, expected_length=3)
    with torch.no_grad():
        batch.fill_(7.0)
    assert torch.equal(history.points()[-2:], torch.ones(2, 2))
    assert not history.points().requires_grad


def test_earlier_views_do_not_change(history: AbstractHistory) -> None:
    read, before = history.view(), history.points()
    for _ in range(40):  # within the capacity and beyond
        history.append(torch.ones(2, 2), expected_length=len(history))
    assert torch.equal(read, before)
    assert torch.equal(history.points()[:3], before)


def test_a_view_copies_nothing(history: AbstractHistory) -> None:
    assert history.view().data_ptr() == history.view().data_ptr()
    assert torch.equal(history.view(), history.points())


def test_points_are_a_copy(history: AbstractHistory) -> None:
    before = history.points()
    history.points().zero_()
    history.points().numpy()[:] = 7.0
    assert torch.equal(history.points(), before)


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_is_on_the_cpu_for_any_default_device(new_history: NewHistory, device: str) -> None:
    torch.set_default_device(device)
    try:
        history = new_history(2)
        history.append(torch.ones(20, 2, device="cpu"), expected_length=0)
        history.append(torch.ones(1, 2, device="cpu"), expected_length=20)
        if isinstance(history, DatabaseHistory):
            history.check_writable()
        read = history.points(), history.view(), copy.deepcopy(history).points()
    finally:
        torch.set_default_device(None)
    assert all(torch.equal(points, torch.ones(21, 2)) for points in read)


def test_an_append_does_not_invalidate_a_pending_gradient(history: AbstractHistory) -> None:
    x = torch.ones(3, 2, requires_grad=True)
    pending = (x * history.view()).sum()  # keeps the points for the backward pass
    before = history.points().clone()
    history.append(torch.ones(2, 2), expected_length=3)
    pending.backward()
    assert torch.equal(x.grad, before)


def test_works_in_inference_mode_and_afterwards(history: AbstractHistory) -> None:
    with torch.inference_mode():
        history.append(torch.ones(30, 2), expected_length=3)
        both = history.points(), history.view()
    history.append(torch.ones(1, 2), expected_length=33)
    for read in both:
        weight = torch.ones(33, 2, requires_grad=True)
        (weight * read).sum().backward()
        assert torch.equal(weight.grad, history.points()[:33])


def test_keeps_its_dtype(history: AbstractHistory) -> None:
    history.append(torch.full((1, 2), 0.1, dtype=torch.float32), expected_length=3)
    assert history.points().dtype == torch.float64
    assert float(history.points()[-1, 0]) == float(torch.tensor(0.1, dtype=torch.float32))


def test_checks_numbers_after_the_cast() -> None:
    with pytest.raises(ValueError, match=r"`points` must be finite in torch\.float32"):
        checked_points(torch.full((1, 2), 1e60), 2, torch.float32)
