"""Ids of rows, as numbers of any kind."""

import numpy as np
import pytest
import torch

from hawc.history.positions import checked_ids

VIEW = torch.ones(3, 2)


def test_accepts_whole_numbers_of_any_kind() -> None:
    for ids in ([2, 0], (2, 0), np.array([2, 0]), torch.tensor([2, 0]), (i for i in (2, 0))):
        assert checked_ids(ids, VIEW) == [2, 0]
    for one in (1, np.int64(1), torch.tensor(1)):
        assert checked_ids(one, VIEW) == [1]  # type: ignore[arg-type]
    assert checked_ids([], VIEW) == []


def test_says_that_there_are_no_rows() -> None:
    with pytest.raises(
        ValueError, match="`ids` must be ids of rows, and the history has none, got 0"
    ):
        checked_ids(0, torch.empty(0, 0))


@pytest.mark.usefixtures("no_shape_checks")
def test_refuses_other_values() -> None:
    for ids in ("1", [1.0], None, [True], True):
        with pytest.raises(ValueError, match="`ids` must be whole numbers, got"):
            checked_ids(ids, VIEW)  # type: ignore[arg-type]
