"""Rows are NaN only where a history's may be; notes say what notes say."""

import math
from typing import Any

import pytest
import torch

from hawc.history.foreign_rows import check_rows, checked_log, checked_notes

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("row", "num_features"),
    [
        ([1.0, 2, 3], 0),
        ([NAN, NAN, NAN], 0),
        ([NAN, NAN, NAN], 2),
        ([NAN, 2, 3], 2),
        ([1.0, 2, 3], 3),
    ],
)
def test_rows_of_a_history_pass(row: list[float], num_features: int) -> None:
    check_rows(torch.tensor([[1.0, 1, 1], row]), num_features)


@pytest.mark.parametrize(
    ("row", "num_features"),
    [
        ([1.0, 2, NAN], 0),
        ([NAN, 2, 3], 0),
        ([NAN, NAN, 3], 2),
        ([NAN, 2, 3], 1),
        ([1.0, NAN, NAN], 2),
        ([NAN, INF, 3], 2),
        ([1.0, 2, INF], 0),
        ([1.0, 2, NAN], 3),
    ],
)
def test_other_rows_are_refused(row: list[float], num_features: int) -> None:
    with pytest.raises(ValueError, match="`points` must be finite but for forgotten rows and"):
        check_rows(torch.tensor([[1.0, 1, 1], row]), num_features)


def test_forgotten_rows_are_those_that_are_named() -> None:
    rows = torch.tensor([[1.0], [NAN]])
    check_rows(rows, 0, {1})
    for others in (set[int](), {0}, {0, 1}):
        with pytest.raises(ValueError, match="`points` must be finite"):
            check_rows(rows, 0, others)
    with pytest.raises(ValueError, match="`points` must be finite"):
        check_rows(rows[:1], 0, {0})


WHOLE = {"seed": 2**70, "generator": "g", "metadata": {"a": [1, {}]}, "tags": ["t"]}


def test_notes_are_copied() -> None:
    assert checked_notes({"0": WHOLE, 2: {}}, 3) == {0: WHOLE, 2: {}}
    said = [WHOLE, {"untag": ["t"]}, {"forgotten": True}]
    assert checked_log({1: said}, 2) == {1: said}


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


ODD: list[Any] = [
    *("text", 1, [1], None, {"other": 1}, {1: 2}, {"seed": "1"}, {"seed": 1.5}, {"seed": True}),
    *({"generator": 1}, {"metadata": []}, {"metadata": {1: 2}}, {"metadata": {"a": NAN}}),
    *({"tags": "t"}, {"tags": [1]}, {"tags": [""]}, {"tags": {}}, {"untag": 1}),
    *({"forgotten": 1}, {"seed": nested(900)}, {"metadata": {"a": nested(900)}, "seed": []}),
]


@pytest.mark.parametrize("note", ODD)
def test_other_notes_are_refused(note: object) -> None:
    for check in (lambda: checked_notes({0: note}, 1), lambda: checked_log({0: [note]}, 1)):
        with pytest.raises(ValueError, match="`notes` must"):
            check()


@pytest.mark.parametrize("key", [1, -1, "1", "-1", "x", "", 1.0, None, "9" * 5000, "\u00b2"])
def test_notes_of_other_rows_are_refused(key: object) -> None:
    with pytest.raises(ValueError, match="`notes` must be of the 1 rows"):
        checked_notes({key: {}}, 1)


@pytest.mark.parametrize("notes", [[], "text", 1, None])
def test_notes_are_given_by_row(notes: object) -> None:
    with pytest.raises(ValueError, match="`notes` must be given by row"):
        checked_notes(notes, 1)
