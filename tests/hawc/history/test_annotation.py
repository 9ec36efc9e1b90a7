"""Notes add up, and only JSON, whole seeds and texts are accepted."""

import numpy as np
import pytest

from hawc.history.annotation import (
    Annotation,
    checked_metadata,
    checked_seeds,
    checked_tags,
    note_of,
    row_notes,
)


def test_later_notes_replace_and_extend() -> None:
    annotation = Annotation.of({"seed": 1, "metadata": {"a": 1, "b": 2}, "tags": ["x", "y"]})
    annotation.add({"metadata": {"b": 3}, "untag": ["x"], "generator": "g"})
    annotation.add({"tags": ["z", "y"], "forgotten": True})
    assert annotation == Annotation(1, "g", {"a": 1, "b": 3}, ("y", "z"), True)
    assert Annotation.of(annotation.note()) == Annotation(1, "g", {"a": 1, "b": 3}, ("y", "z"))


def test_nothing_said_is_an_empty_note() -> None:
    assert note_of() == note_of(metadata={}, tags=()) == {}
    assert note_of(seed=0) == {"seed": 0}
    assert row_notes(2) == [{}, {}]
    assert row_notes(2, seeds=[0, 1], tags="a") == [
        {"seed": 0, "tags": ["a"]},
        {"seed": 1, "tags": ["a"]},
    ]


def test_metadata_are_copied_as_json_gives_them_back() -> None:
    given = {"a": (1, 2), "b": {"c": True}}
    (first, second) = checked_metadata([given, {}], 2)
    assert (first, second) == ({"a": [1, 2], "b": {"c": True}}, {})
    assert checked_metadata(None, 2) == [{}, {}]


def test_seeds_are_whole_numbers_of_any_kind() -> None:
    assert checked_seeds(np.arange(3), 3) == [0, 1, 2]
    assert checked_seeds(range(2), 2) == [0, 1]
    assert checked_seeds(2**64, 1) == [2**64]
    for seeds in ([0.5], ["1"], [True], 2.0, "7"):
        with pytest.raises(ValueError, match="`seeds` must be one whole number per row, 1 in all"):
            checked_seeds(seeds, 1)


def test_tags_are_texts_once_each() -> None:
    assert checked_tags("one tag") == ["one tag"]
    assert checked_tags(("b", "a", "b")) == ["b", "a"]
    for tags in ([1], [""], ["a", None], 5):
        with pytest.raises(ValueError, match="`tags` must be texts that are not empty"):
            checked_tags(tags)


def test_metadata_that_hold_themselves_are_refused() -> None:
    loop: dict[str, object] = {}
    loop["loop"] = loop
    for metadata in (loop, {"a": object()}, {"a": b"x"}, 5, "text", [5]):
        with pytest.raises(ValueError, match="`metadata` must be"):
            checked_metadata(metadata, 1)
