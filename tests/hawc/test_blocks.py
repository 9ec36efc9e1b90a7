"""Blocks: every row once, none too large."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hawc.blocks
from hawc.blocks import row_blocks


@given(st.integers(0, 50), st.integers(0, 9), st.integers(1, 100))
def test_row_blocks_cover_every_row_once_and_stay_small(rows: int, columns: int, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hawc.blocks, "_BLOCK_ENTRIES", size)
        blocks = [list(range(rows))[block] for block in row_blocks(rows, columns)]
    assert [row for block in blocks for row in block] == list(range(rows))
    assert all(0 < len(block) * columns <= max(size, columns) or columns == 0 for block in blocks)
