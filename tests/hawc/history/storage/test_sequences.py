"""Records of sequences: one per gallery, condition and kind; long names are shortened."""

from dataclasses import replace

import pytest

from hawc.history.storage.sequences import (
    CANDIDATES,
    Sequence,
    create_sequence,
    find_sequence,
    list_sequences,
    missing,
)
from hawc.history.storage.store import Store

NEW = Sequence(0, "", 5, "float64", "T", "g", "a cat", num_features=3, fingerprint="{}")


@pytest.fixture
def store(url: str) -> Store:
    return Store(url)


def test_a_record_is_created_once_and_found(store: Store) -> None:
    with store.writing() as connection:
        assert find_sequence(store, connection, "g", "a cat") is None
        created = create_sequence(store, connection, NEW)
        assert create_sequence(store, connection, replace(NEW, target="another")) == created
        assert find_sequence(store, connection, "g", "a cat") == created
    assert replace(created, id=0, identity="") == NEW
    assert len(created.identity) == 32


def test_kinds_and_conditions_are_separate(store: Store) -> None:
    with store.writing() as connection:
        for condition in ("", "a cat"):
            for kind in ("samples", CANDIDATES):
                create_sequence(store, connection, replace(NEW, condition=condition, kind=kind))
        create_sequence(store, connection, replace(NEW, gallery="h"))
        found = find_sequence(store, connection, "g", "", CANDIDATES)
        assert found is not None
        assert (found.condition, found.kind) == ("", CANDIDATES)
        listed = [(s.gallery, s.condition) for s in list_sequences(store, connection)]
        assert listed == [("g", ""), ("g", "a cat"), ("h", "a cat")]
        assert len(list_sequences(store, connection, "g")) == 2


def test_messages_show_where_long_names_differ() -> None:
    error = missing("condition", "the conditions", "a cat", ["a cut", "b" * 400, "zoo"])
    assert str(error) == (
        "`condition` must name one of the conditions, got 'a cat'; the nearest are 'a cut'. "
        "To create it, pass create=True."
    )
    words = "a cat on a roof, " * 20
    text = str(missing("condition", "the conditions", words + "at night", [words + "at noon"]))
    assert "at night' (348 characters); the nearest are ..." in text
    assert "at noon' (347 characters). To create it" in text
