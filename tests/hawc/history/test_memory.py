"""A history in memory: its dtype, checkpoints and copies."""

import copy
import io
import math
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.multiprocessing  # registers its reductions of tensors with the ForkingPickler

from hawc.history import HistoryConflictError, MemoryHistory


def history_of(*batch_sizes: int, dtype: torch.dtype | None = None) -> MemoryHistory:
    history, generator = MemoryHistory(2, dtype=dtype), torch.Generator().manual_seed(0)
    for size in batch_sizes:
        history.append(torch.randn(size, 2, generator=generator), expected_length=len(history))
    return history


def test_refuses_a_dimension_below_one() -> None:
    with pytest.raises(ValueError, match="`dim` must be at least 1, got 0"):
        MemoryHistory(0)


@pytest.mark.parametrize("dim", [2.0, True, "2"])
@pytest.mark.usefixtures("no_shape_checks")
def test_refuses_a_dimension_that_is_no_whole_number(dim: int) -> None:
    with pytest.raises(ValueError, match="`dim` must be a whole number of at least 1, got"):
        MemoryHistory(dim)


def test_refuses_a_dtype_of_whole_numbers() -> None:
    with pytest.raises(ValueError, match=r"`dtype` must be a floating-point .* got torch\.int64"):
        MemoryHistory(2, dtype=torch.int64)


def test_the_first_batch_sets_the_dtype() -> None:
    history = MemoryHistory(2)
    for length, dtype in enumerate((torch.float32, torch.float64)):
        history.append(torch.ones(1, 2, dtype=dtype), expected_length=length)
        assert history.points().dtype == torch.float32


def test_a_given_dtype_is_kept() -> None:
    history = MemoryHistory(2, dtype=torch.float32)
    assert history.points().dtype == torch.float32
    history.append(torch.ones(1, 2), expected_length=0)
    assert history.points().dtype == torch.float32
    history.load_state_dict({"points": torch.ones(2, 2)})
    assert history.points().dtype == torch.float32


@pytest.mark.parametrize("batch_sizes", [(), (3, 2)])
def test_survives_a_checkpoint(batch_sizes: tuple[int, ...], tmp_path: Path) -> None:
    history = history_of(*batch_sizes)
    torch.save(history.state_dict(), tmp_path / "history.pt")
    restored = history_of(6)
    restored.load_state_dict(torch.load(tmp_path / "history.pt", weights_only=True))
    assert torch.equal(restored.points(), history.points())
    restored.append(torch.ones(1, 2), expected_length=len(history))
    assert len(restored) == sum(batch_sizes) + 1


def test_an_empty_state_does_not_set_the_dtype() -> None:
    history = MemoryHistory(2)
    history.load_state_dict(MemoryHistory(2).state_dict())
    history.append(torch.ones(1, 2, dtype=torch.float32), expected_length=0)
    assert history.points().dtype == torch.float32


def test_a_loaded_state_sets_the_dtype() -> None:
    history = history_of(3)
    history.load_state_dict({"points": torch.ones(2, 2, dtype=torch.float32)})
    assert history.points().dtype == torch.float32


def test_copies_a_loaded_state() -> None:
    state, history = {"points": torch.ones(2, 2)}, MemoryHistory(2)
    history.load_state_dict(state)
    state["points"].zero_()
    assert torch.equal(history.points(), torch.ones(2, 2))


def test_a_state_is_a_copy_and_no_larger_than_its_points() -> None:
    history = history_of(20, 1)
    state = history.state_dict()["points"]
    assert state.untyped_storage().nbytes() == 21 * 2 * 8
    state.zero_()
    assert bool(history.points().any())


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (torch.ones(2, 3), r"`points` must have shape \(n, 2\) with n >= 0, got \(2, 3\)"),
        (torch.tensor([[0.0, math.nan]]), "`points` must be finite"),
    ],
)
def test_refuses_a_state(points: torch.Tensor, message: str) -> None:
    history = history_of(3)
    with pytest.raises(ValueError, match=message):
        history.load_state_dict({"points": points})
    assert len(history) == 3


def torch_saved(history: MemoryHistory) -> MemoryHistory:
    file = io.BytesIO()
    torch.save(history, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=False)
    assert isinstance(loaded, MemoryHistory)
    return loaded


def shared(history: MemoryHistory) -> MemoryHistory:
    """Returns the copy of another process, with PyTorch's pickler, which shares memory."""
    copied = pickle.loads(ForkingPickler.dumps(history))
    assert isinstance(copied, MemoryHistory)
    return copied


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, torch_saved, shared])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_copy_is_independent(
    copied: Callable[[MemoryHistory], MemoryHistory], dtype: torch.dtype
) -> None:
    first = history_of(3, 1, dtype=dtype)  # has spare capacity
    before = first.points()
    second = copied(first)
    second.append(torch.full((2, 2), 99.0), expected_length=4)
    first.append(torch.full((3, 2), 7.0), expected_length=4)
    second.append(torch.full((1, 2), 98.0), expected_length=6)
    assert torch.equal(first.points()[:4], before)
    assert torch.equal(second.points()[:4], before)
    assert first.points()[4:, 0].tolist() == [7, 7, 7]
    assert second.points()[4:, 0].tolist() == [99, 99, 98]
    assert not first.view().is_shared()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, torch_saved, shared])
def test_an_empty_copy_has_the_dtype_of_its_first_batch(
    copied: Callable[[MemoryHistory], MemoryHistory],
) -> None:
    second = copied(MemoryHistory(2))
    second.append(torch.ones(1, 2, dtype=torch.float32), expected_length=0)
    assert second.points().dtype == torch.float32


def test_a_copy_does_not_share_the_lock() -> None:
    history = MemoryHistory(2)
    with history.exclusive(), ThreadPoolExecutor(1) as other:
        second = copy.deepcopy(history)
        other.submit(second.append, torch.ones(1, 2), expected_length=0).result(timeout=60)
    assert (len(history), len(second)) == (0, 1)


def test_a_state_holds_all_that_is_said(tmp_path: Path) -> None:
    history = MemoryHistory(5, num_features=3, dtype=torch.float32)
    history.append(torch.ones(2, 5), expected_length=0, metadata={"a": [1, None]})
    history.add(torch.zeros(2, 3), seeds=[1, 2**63], tags=["x"])
    history.add_candidates(torch.full((4, 3), 7.0))
    history.forget([0, 3])
    torch.save(history.state_dict(), tmp_path / "history.pt")
    for restored in (MemoryHistory(), MemoryHistory(5), history_of(1)):
        if restored.dim == 2:
            with pytest.raises(ValueError, match=r"`points` must have shape \(n, 2\)"):
                restored.load_state_dict(history.state_dict())
            continue
        restored.load_state_dict(torch.load(tmp_path / "history.pt", weights_only=True))
        assert (restored.dim, restored.num_features) == (5, 3)
        assert torch.equal(restored.view().nan_to_num(-1), history.view().nan_to_num(-1))
        assert torch.equal(restored.candidates(), history.candidates())
        rows = [(row.id, row.seed, row.metadata, row.tags) for row in restored]
        assert rows == [(row.id, row.seed, row.metadata, row.tags) for row in history]
        assert [row[0] for row in rows] == [1, 2]
        restored.tag(1, "later")
        assert history.count("later") == 0


def test_a_state_may_lack_only_whole_latents() -> None:
    history, points = MemoryHistory(5, num_features=3), torch.ones(3, 5)
    points[1, :2] = math.nan
    history.load_state_dict({"points": points})
    assert history[1].latent is None
    for column in (0, 4):
        damaged = points.clone()
        damaged[0, column] = math.nan
        with pytest.raises(ValueError, match="`points` must be finite"):
            history.load_state_dict({"points": damaged})
    assert history.count() == 3


def test_a_first_batch_narrower_than_its_features_is_refused() -> None:
    history = MemoryHistory(num_features=4)
    with pytest.raises(ValueError, match=r"`points` must have at least 4 coordinates, .* got 3"):
        history.append(torch.zeros(2, 3), expected_length=0)
    assert (history.dim, len(history)) == (0, 0)


def test_the_first_batch_sets_the_dimension() -> None:
    history = MemoryHistory()
    assert (history.dim, len(history), history.points().shape) == (0, 0, (0, 0))
    history.append(torch.ones(2, 3), expected_length=0)
    assert history.dim == 3
    with pytest.raises(ValueError, match=r"`points` must have shape \(n, 3\)"):
        history.append(torch.ones(2, 2), expected_length=2)
    other = MemoryHistory()
    with pytest.raises(HistoryConflictError):
        other.append(torch.ones(2, 3), expected_length=1)
    assert other.dim == 0
    other.load_state_dict(history.state_dict())
    assert torch.equal(other.points(), torch.ones(2, 3))


@pytest.mark.parametrize("num_features", [-1, 3, 1.0])
@pytest.mark.usefixtures("no_shape_checks")
def test_refuses_a_number_of_features(num_features: int) -> None:
    with pytest.raises(ValueError, match="`num_features` must be"):
        MemoryHistory(2, num_features=num_features)


@pytest.mark.usefixtures("no_shape_checks")
@pytest.mark.parametrize(
    "changed",
    [
        {"points": "text"},
        {"points": torch.tensor([[1.0, math.nan]])},
        {"points": torch.full((1, 2), math.nan)},
        {"num_features": "1"},
        {"num_features": -1},
        {"num_features": 3},
        {"notes": {0: [{"forgotten": True}]}},
        {"notes": {1: []}},
        {"notes": {0: {}}},
        {"notes": [1]},
        {"candidates": torch.full((1, 2), math.nan)},
        {"candidates": "text"},
    ],
)
def test_an_odd_state_changes_nothing(changed: dict[str, Any]) -> None:
    history = MemoryHistory(2)
    history.append(torch.ones(3, 2), expected_length=0)
    with pytest.raises(ValueError, match=r"`\w+` must"):
        history.load_state_dict({"points": torch.zeros(1, 2), **changed})
    assert torch.equal(history.points(), torch.ones(3, 2))
