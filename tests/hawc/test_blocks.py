"""Block sums: every row once, and the bilinear form they stand for."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import hawc.blocks
from hawc.blocks import double_sum, row_blocks
from hawc.kernels import HuberEnergy

SMOOTH = HuberEnergy(0.1)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@given(st.integers(0, 50), st.integers(0, 9), st.integers(1, 100))
def test_row_blocks_cover_every_row_once_and_stay_small(rows: int, columns: int, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hawc.blocks, "_BLOCK_ENTRIES", size)
        blocks = [list(range(rows))[block] for block in row_blocks(rows, columns)]
    assert [row for block in blocks for row in block] == list(range(rows))
    assert all(0 < len(block) * columns <= max(size, columns) or columns == 0 for block in blocks)


def test_double_sum_is_the_bilinear_form() -> None:
    x, y, p, q = normal(5, 2), normal(3, 2, seed=1), normal(5, seed=2), normal(3, seed=3)
    expected = p @ SMOOTH(x, y) @ q
    # other order of summation
    torch.testing.assert_close(double_sum(SMOOTH, x, y, p, q), expected, rtol=0, atol=1e-13)
