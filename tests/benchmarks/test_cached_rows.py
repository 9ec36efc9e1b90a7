"""A cache of rows: each is computed once and alone, and shared between objects."""

from pathlib import Path

import torch
from torch import Tensor

from benchmarks.cached_rows import CachedRows


def test_each_row_is_computed_once(tmp_path: Path) -> None:
    sizes: list[int] = []

    def doubled(rows: Tensor) -> Tensor:
        sizes.append(len(rows))
        return 2 * rows

    rows = torch.tensor([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]])
    first = CachedRows(doubled, tmp_path / "values")
    assert torch.equal(first(rows), 2 * rows)
    assert sizes == [1, 1]  # one row at a time; the third is the first
    other = CachedRows(doubled, tmp_path / "values")
    assert torch.equal(other(rows[1:]), 2 * rows[1:])
    assert sizes == [1, 1]
    assert (first.rows, other.rows) == (3, 2)
    assert first.seconds > 0


def test_values_keep_their_shape(tmp_path: Path) -> None:
    images = CachedRows(lambda rows: rows.reshape(-1, 1, 2, 2), tmp_path)
    assert images(torch.zeros(3, 4)).shape == (3, 1, 2, 2)


def test_no_partial_files_remain(tmp_path: Path) -> None:
    CachedRows(lambda rows: rows, tmp_path)(torch.zeros(2, 3))
    assert [path.suffix for path in tmp_path.iterdir()] == [".npy"]
