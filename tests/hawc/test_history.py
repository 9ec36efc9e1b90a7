"""Histories: they grow by whole batches, refuse late writers and survive a checkpoint."""

import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hawc.history import HistoryConflictError, MemoryHistory


def history_of(*batch_sizes: int, dim: int = 2) -> MemoryHistory:
    history, generator = MemoryHistory(dim), torch.Generator().manual_seed(0)
    for size in batch_sizes:
        history.append(torch.randn(size, dim, generator=generator), expected_length=len(history))
    return history


def test_starts_empty() -> None:
    history = MemoryHistory(3)
    assert (len(history), history.dim) == (0, 3)
    assert history.points().shape == (0, 3)


@given(st.lists(st.integers(1, 5), max_size=6), st.integers(1, 4))
def test_keeps_batches_in_order(batch_sizes: list[int], dim: int) -> None:
    history = MemoryHistory(dim)
    batches = [torch.full((size, dim), float(i)) for i, size in enumerate(batch_sizes)]
    for batch in batches:
        history.append(batch, expected_length=len(history))
    assert len(history) == sum(batch_sizes)
    assert torch.equal(history.points(), torch.cat([torch.empty(0, dim), *batches]))


@pytest.mark.parametrize("expected_length", [0, 2, 4])
def test_refuses_a_writer_that_saw_another_length(expected_length: int) -> None:
    history = history_of(3)
    before = history.points().clone()
    with pytest.raises(HistoryConflictError, match=f"holds 3 points where {expected_length} were"):
        history.append(torch.ones(1, 2), expected_length=expected_length)
    assert torch.equal(history.points(), before)


@pytest.mark.parametrize("shape", [(0, 2), (1, 3), (2,)])
@pytest.mark.usefixtures("no_shape_checks")
def test_refuses_another_shape(shape: tuple[int, ...]) -> None:
    history = history_of(3)
    with pytest.raises(ValueError, match=r"`points` must have shape \(k, 2\) with k >= 1, got"):
        history.append(torch.ones(shape), expected_length=3)
    assert len(history) == 3


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_refuses_points_that_are_not_finite(value: float) -> None:
    history = history_of(3)
    with pytest.raises(ValueError, match="`points` must be finite, got NaN or infinite"):
        history.append(torch.tensor([[0.0, 1.0], [0.0, value]]), expected_length=3)
    assert len(history) == 3


def test_refuses_a_dimension_below_one() -> None:
    with pytest.raises(ValueError, match="`dim` must be at least 1, got 0"):
        MemoryHistory(0)


@pytest.mark.parametrize("batch_sizes", [(), (4,)])
def test_does_not_follow_changes_of_the_callers_tensor(batch_sizes: tuple[int, ...]) -> None:
    history = history_of(*batch_sizes)
    batch = torch.ones(2, 2, requires_grad=True)
    history.append(batch, expected_length=len(history))
    with torch.no_grad():
        batch.fill_(7.0)
    assert torch.equal(history.points()[-2:], torch.ones(2, 2))
    assert not history.points().requires_grad


def test_points_read_earlier_do_not_grow() -> None:
    history = history_of(3)
    read, before = history.points(), history.points().clone()
    history.append(torch.ones(2, 2), expected_length=3)
    assert torch.equal(read, before)


@pytest.mark.parametrize("batch_sizes", [(), (3, 2)])
def test_survives_a_checkpoint(batch_sizes: tuple[int, ...], tmp_path: Path) -> None:
    history = history_of(*batch_sizes)
    torch.save(history.state_dict(), tmp_path / "history.pt")
    restored = history_of(6)
    restored.load_state_dict(torch.load(tmp_path / "history.pt", weights_only=True))
    assert torch.equal(restored.points(), history.points())
    restored.append(torch.ones(1, 2), expected_length=len(history))
    assert len(restored) == sum(batch_sizes) + 1


def test_does_not_follow_changes_of_a_loaded_state() -> None:
    state, history = {"points": torch.ones(2, 2)}, MemoryHistory(2)
    history.load_state_dict(state)
    state["points"].zero_()
    assert torch.equal(history.points(), torch.ones(2, 2))


def test_state_taken_earlier_does_not_grow() -> None:
    history = history_of(3)
    state = history.state_dict()
    history.append(torch.ones(2, 2), expected_length=3)
    assert len(state["points"]) == 3


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (torch.ones(2, 3), r"`points` must have shape \(k, 2\) with k >= 0, got \(2, 3\)"),
        (torch.tensor([[0.0, math.nan]]), "`points` must be finite"),
    ],
)
def test_refuses_a_state(points: torch.Tensor, message: str) -> None:
    history = history_of(3)
    with pytest.raises(ValueError, match=message):
        history.load_state_dict({"points": points})
    assert len(history) == 3
