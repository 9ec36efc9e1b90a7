"""Candidates are indexed and joined with all that belongs to them."""

import pytest
import torch

from hawc.history import MemoryHistory
from hawc.samplers.candidates import Candidates, remembered_latents


def some(count: int, first: float = 0.0) -> Candidates:
    numbers = first + torch.arange(float(count))
    return Candidates(
        numbers[:, None].repeat(1, 2), numbers[:, None], numbers, [str(n) for n in numbers.tolist()]
    )


def test_indexing_takes_all_parts() -> None:
    chosen = some(4).at([2, 0])
    assert chosen.rows.tolist() == [[2.0, 2.0, 2.0], [0.0, 0.0, 0.0]]
    assert chosen.quality is not None
    assert chosen.quality.tolist() == [2.0, 0.0]
    assert chosen.images == ["2.0", "0.0"]


def test_joining_keeps_the_order() -> None:
    joined = some(2).after(some(1, first=9.0))
    assert joined.features[:, 0].tolist() == [9.0, 0.0, 1.0]
    assert joined.images == ["9.0", "0.0", "1.0"]


def test_returns_latents_of_rows() -> None:
    history = MemoryHistory(3)
    history.append(torch.arange(12.0).reshape(4, 3), expected_length=0)
    assert remembered_latents(history, [3, 1], 2).tolist() == [[9.0, 10.0], [3.0, 4.0]]
    with pytest.raises(ValueError, match=r"`ids` must be ids of rows, 0 to 3, got -1"):
        remembered_latents(history, [-1], 2)
