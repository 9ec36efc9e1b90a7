"""Batches as bytes: whole rows or features alone, checked, dated."""

from datetime import UTC, datetime

import pytest
import torch
from sqlalchemy import insert, update

from hawc.history import HistoryStoreError
from hawc.history.storage.batches import Batches
from hawc.history.storage.store import Store
from hawc.history.storage.tables import BATCHES, GALLERIES, METADATA

ROWS = torch.arange(20.0, dtype=torch.float64).reshape(4, 5)


@pytest.fixture
def store(url: str) -> Store:
    """Returns a store with gallery 1."""
    store = Store(url)
    values = {"name": "g", "dim": 5, "dtype": "float64", "target": "T"}
    with store.writing() as connection:
        METADATA.create_all(connection)
        connection.execute(insert(GALLERIES).values(values))
    return store


@pytest.fixture
def batches(store: Store) -> Batches:
    """Returns 4 whole rows, then 2 of features alone."""
    batches = Batches(1, 5, 3, "float64", "gallery 'g'")
    with store.writing() as connection:
        batches.insert(connection, ROWS, 0, "first")
        batches.insert(connection, torch.ones(2, 3, dtype=torch.float64), 4)
    return batches


def test_features_alone_are_recognized_by_their_bytes(store: Store, batches: Batches) -> None:
    with store.reading() as connection:
        assert batches.length(connection) == 6
        first, second = batches.read(connection, 0)
        assert torch.equal(first, ROWS)
        assert bool(batches.whole(second)[:, :2].isnan().all())
        assert torch.equal(second, torch.ones(2, 3, dtype=torch.float64))
        assert [len(batch) for batch in batches.read(connection, 4)] == [2]
        sizes = connection.execute(BATCHES.select().order_by(BATCHES.c.first)).all()
    assert [len(row.points) for row in sizes] == [4 * 5 * 8, 2 * 3 * 8]


@pytest.mark.parametrize("dim", [4, 6])
def test_refuses_rows_of_another_width(store: Store, batches: Batches, dim: int) -> None:
    other = Batches(1, dim, 2, "float64", "gallery 'g'")
    with store.reading() as connection, pytest.raises(HistoryStoreError, match="are damaged"):
        list(other.read(connection, 0))
    narrow = Batches(1, 3, 3, "float64", "gallery 'g'")
    with (
        store.reading() as connection,
        pytest.raises(HistoryStoreError, match="another process has given its rows latents: open"),
    ):
        list(narrow.read(connection, 0))


def test_rows_are_dated_by_their_batch(store: Store, batches: Batches) -> None:
    times = [datetime(2026, 12, day, tzinfo=UTC) for day in (1, 2)]
    with store.writing() as connection:
        for first, time in zip((0, 4), times, strict=True):
            change = update(BATCHES).where(BATCHES.c.first == first)
            connection.execute(change.values(created=time))
    with store.reading() as connection:
        assert batches.created(connection, range(6)) == [times[0]] * 4 + [times[1]] * 2
        assert batches.created(connection, range(3, 5)) == times
        assert batches.created(connection, range(5, 6)) == times[1:]
        assert batches.created(connection, range(2, 2)) == []
        assert batches.label_at(connection, 0) == "first"
        assert batches.label_at(connection, 4) is None


def test_absent_latents_are_bounded_where_they_are_read_and_written() -> None:
    batches = Batches(1, 2**24 + 1, 1, "float32", "gallery 'g'")  # 64 MiB a row, of 4 bytes
    row = torch.ones(1, 1, dtype=torch.float32)
    batches.check_growth(8, row)
    assert sum(1 for _ in batches.all_whole([row])) == 1
    with pytest.raises(HistoryStoreError, match=r"would take 603,979,776 bytes .* for 36 stored"):
        batches.check_growth(9, row)
    rows = row.expand(9, 1)
    with pytest.raises(HistoryStoreError, match="features alone in a gallery of features"):
        next(batches.all_whole([rows]))


def test_usual_latents_of_images_made_elsewhere_are_within_the_bound() -> None:
    Batches(1, 16 * 128 * 128 + 768, 768, "float32", "gallery 'g'").check_growth(
        1_000_000, torch.ones(1, 768, dtype=torch.float32)
    )
