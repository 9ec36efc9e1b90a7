"""The tables: rows that the database itself refuses."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from hawc.history.storage.store import Store
from hawc.history.storage.tables import BATCHES, GALLERIES, METADATA

GALLERY = {"name": "default", "dim": 2, "dtype": "float64", "target": "StandardNormal(dim=2)"}
BATCH = {"gallery_id": 1, "first": 0, "size": 1, "points": bytes(16), "checksum": "0" * 64}


@pytest.fixture
def store(url: str) -> Store:
    store = Store(url)
    with store.writing() as connection:
        METADATA.create_all(connection)
        connection.execute(insert(GALLERIES).values(GALLERY))
        connection.execute(insert(BATCHES).values(BATCH))
    return store


@pytest.mark.parametrize(
    ("table", "row"),
    [
        (GALLERIES, GALLERY),
        (BATCHES, BATCH),
        (BATCHES, {**BATCH, "size": 2, "points": bytes(32)}),
        (BATCHES, {**BATCH, "first": 1, "points": None}),
    ],
)
def test_refuses_a_second_row_with_the_same_key_and_missing_points(
    store: Store, table: Any, row: dict[str, Any]
) -> None:
    with store.writing() as connection, pytest.raises(IntegrityError):
        connection.execute(insert(table).values(row))


def test_galleries_have_separate_keys(store: Store) -> None:
    with store.writing() as connection:
        connection.execute(insert(GALLERIES).values({**GALLERY, "name": "other"}))
        connection.execute(insert(BATCHES).values({**BATCH, "gallery_id": 2}))


def test_rows_are_dated(store: Store) -> None:
    with store.reading() as connection:
        created = connection.execute(select(BATCHES.c.created)).scalar_one()
    if created.tzinfo is None:  # SQLite stores no time zone; the value is UTC
        created = created.replace(tzinfo=UTC)
    age = datetime.now(UTC) - created
    assert abs(age.total_seconds()) < 60  # seconds at most, a minute on a busy machine
