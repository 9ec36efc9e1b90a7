"""Notes of a sequence: ordered, by position, and those that forget."""

import pytest
import torch
from sqlalchemy import insert

from hawc.history.annotation import Annotation
from hawc.history.storage.notes import Notes
from hawc.history.storage.store import Store
from hawc.history.storage.tables import GALLERIES, METADATA


@pytest.fixture
def store(url: str) -> Store:
    """Returns a store with galleries 1 and 2."""
    store = Store(url)
    with store.writing() as connection:
        METADATA.create_all(connection)
        for name in ("a", "b"):
            values = {"name": name, "dim": 5, "dtype": "float64", "target": "T"}
            connection.execute(insert(GALLERIES).values(values))
    return store


def test_notes_of_sequences_do_not_mix(store: Store) -> None:
    first, second = Notes(1), Notes(2)
    with store.writing() as connection:
        assert connection.execute(first.newest()).scalar() is None
        first.insert(connection, [(0, {"seed": 5}), (3, {"tags": ["ü 猫"]})])
        second.insert(connection, [(0, {"seed": 6})])
        first.insert(connection, [(3, {"untag": ["ü 猫"], "metadata": {"a": 1}})])
        first.insert(connection, [])
        assert connection.execute(first.newest()).scalar() == 4
        assert connection.execute(second.newest()).scalar() == 3
        assert first.annotations(connection, range(4)) == {
            0: Annotation(seed=5),
            3: Annotation(metadata={"a": 1}),
        }
        assert first.annotations(connection, range(1, 3)) == {}
        assert second.annotations(connection, range(1)) == {0: Annotation(seed=6)}


def test_finds_the_notes_that_forget(store: Store) -> None:
    notes = Notes(1)
    with store.writing() as connection:
        notes.insert(connection, [(7, {"forgotten": True}), (8, {"metadata": {"forgotten": 1}})])
        notes.insert(connection, [(9, {"forgotten": True})])
        assert notes.forgotten(connection, 10) == [(1, 7), (3, 9)]
        assert notes.forgotten(connection, 10, after=1) == [(3, 9)]
        assert notes.forgotten(connection, 10, after=1, last=2) == []


def test_seeds_of_any_size_come_back(store: Store) -> None:
    seeds = [0, -1, 2**64 - 1, int(torch.iinfo(torch.int64).min)]
    with store.writing() as connection:
        Notes(1).insert(connection, [(i, {"seed": seed}) for i, seed in enumerate(seeds)])
        found = Notes(1).annotations(connection, range(4))
    assert [found[i].seed for i in range(4)] == seeds
