"""Labels tell a process that was stopped whether its batch was recorded."""

from pathlib import Path

import pytest
import torch

from hawc import DatabaseHistory, StandardNormal
from hawc.history import HistoryConflictError, HistoryStoreError

PLANE = StandardNormal(2)


def test_labels_are_found_where_their_batch_begins(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/gallery.db"
    history = DatabaseHistory(url, PLANE, create=True)
    history.append(torch.zeros(3, 2), expected_length=0, label="a")
    history.append(torch.zeros(2, 2), expected_length=3)
    history.append(torch.zeros(1, 2), expected_length=5, label="b")
    DatabaseHistory(url, PLANE, gallery="other", create=True).append(
        torch.zeros(1, 2), expected_length=0, label="c"
    )
    later = DatabaseHistory(url, PLANE, create=True)
    assert [later.label_at(i) for i in range(7)] == ["a", None, None, None, None, "b", None]


def test_a_refused_batch_leaves_no_label(tmp_path: Path) -> None:
    history = DatabaseHistory(f"sqlite:///{tmp_path}/gallery.db", PLANE, create=True)
    history.append(torch.zeros(3, 2), expected_length=0, label="a")
    with pytest.raises(HistoryConflictError):
        history.append(torch.zeros(3, 2), expected_length=0, label="b")
    assert history.label_at(0) == "a"
    with pytest.raises(ValueError, match="`label` must have at most 100 characters, got 101"):
        history.append(torch.zeros(1, 2), expected_length=3, label="x" * 101)
    assert len(history) == 3


def test_check_writable_changes_nothing(tmp_path: Path) -> None:
    history = DatabaseHistory(f"sqlite:///{tmp_path}/gallery.db", PLANE, create=True)
    history.append(torch.zeros(3, 2), expected_length=0)
    history.check_writable()
    assert history.points().shape == (3, 2)
    again = DatabaseHistory(f"sqlite:///{tmp_path}/gallery.db", PLANE, create=True)
    assert len(again) == len(again.points()) == 3
    read_only = DatabaseHistory(
        f"sqlite:///file:{tmp_path}/gallery.db?mode=ro&uri=true", PLANE, create=True
    )
    with pytest.raises(HistoryStoreError, match="it is read-only: make file and folder writable"):
        read_only.check_writable()
