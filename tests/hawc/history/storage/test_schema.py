"""Versions of the tables: older stores are upgraded by a write, newer ones are refused."""

import pytest
import torch
from sqlalchemy import insert, inspect, update

from hawc.history import DatabaseHistory, Gallery, HistoryStoreError, galleries
from hawc.history.storage.schema import upgrade, version_of
from hawc.history.storage.store import Store
from hawc.history.storage.tables import BATCHES, GALLERIES, SCHEMA, VERSION
from hawc.targets import StandardNormal

PLANE = StandardNormal(2)


@pytest.fixture
def first_version(url: str) -> str:
    """Returns the URL of a store with the tables of version 1 and one point."""
    values = {"name": "default", "dim": 2, "dtype": "float64", "target": "StandardNormal(dim=2)"}
    with Store(url).writing() as connection:
        GALLERIES.create(connection)
        BATCHES.create(connection)
        connection.execute(insert(GALLERIES).values(values))
        checksum = "374708fff7719dd5979ec875d56cd2286f6d3cf7ec317a3b25632aab28ec37bb"  # 16 zeros
        batch = {"gallery_id": 1, "first": 0, "size": 1, "points": bytes(16), "checksum": checksum}
        connection.execute(insert(BATCHES).values(batch))
    return url


def version(url: str) -> int:
    store = Store(url)
    with store.reading() as connection:
        return version_of(store, connection)


def test_an_empty_store_has_no_version(url: str) -> None:
    assert version(url) == 0
    DatabaseHistory(url, PLANE, create=True)
    assert version(url) == VERSION


@pytest.mark.parametrize("write", ["append", "tag", "forget", "annotate", "new condition"])
def test_the_first_write_upgrades(first_version: str, write: str) -> None:
    history = DatabaseHistory(first_version, PLANE)
    history.check_writable()
    assert torch.equal(history.view(), torch.zeros(1, 2))
    assert version(first_version) == 1
    match write:
        case "append":
            history.append(torch.ones(1, 2), expected_length=1)
        case "tag":
            history.tag(0, "a")
        case "forget":
            history.forget(0)
        case "annotate":
            history.annotate(0, {"a": 1})
        case _:
            DatabaseHistory(first_version, PLANE, condition="a cat", create=True)
    assert version(first_version) == VERSION
    assert (history.count("a"), history.count()) == (
        write == "tag",
        len(history) - (write == "forget"),
    )
    with Store(first_version).reading() as connection:
        assert inspect(connection).has_table("hawc_notes")


def test_an_upgrade_is_repeatable(first_version: str) -> None:
    store = Store(first_version)
    for _ in range(2):
        with store.writing() as connection:
            upgrade(store, connection)
    assert version(first_version) == VERSION


def test_two_objects_may_upgrade(first_version: str) -> None:
    first, second = (DatabaseHistory(first_version, PLANE) for _ in range(2))
    first.append(torch.ones(1, 2), expected_length=1)
    second.tag(0, "a")
    first.tag(1, "a")
    assert (first.count("a"), second.count("a")) == (2, 2)


def test_refuses_a_newer_version(url: str) -> None:
    history = DatabaseHistory(url, PLANE, create=True)
    with Store(url).writing() as connection:
        connection.execute(update(SCHEMA).values(version=VERSION + 1))
    message = (
        rf"has schema version {VERSION + 1}, and this program reads versions up to {VERSION}: in"
    )
    for read in (
        lambda: DatabaseHistory(url, PLANE),
        lambda: galleries(url),
        lambda: Gallery(url),
        lambda: history.view(),
    ):
        with pytest.raises(HistoryStoreError, match=message):
            read()
