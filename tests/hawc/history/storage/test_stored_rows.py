"""Rows in memory follow the store: forgetting of others, exclusive changes, threads."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from hawc.history import DatabaseHistory, HistoryConflictError, HistoryStoreError
from hawc.history.storage.store import Store
from hawc.samplers import Features, LatentsWithFeatures
from hawc.targets import StandardNormal

ROWS = LatentsWithFeatures(StandardNormal(1), Features(2))


def opened(url: str) -> DatabaseHistory:
    return DatabaseHistory(url, ROWS, create=True)


@pytest.fixture
def history(url: str) -> DatabaseHistory:
    history = opened(url)
    history.append(torch.arange(12.0).reshape(4, 3), expected_length=0)
    return history


def test_others_forget(url: str, history: DatabaseHistory) -> None:
    early, late = history.view(), opened(url)
    late.forget(1)
    late.append(torch.ones(1, 3), expected_length=4)
    late.forget([2, 4])
    assert history.view()[:, -1].isnan().tolist() == [False, True, True, False, True]
    assert torch.equal(early, torch.arange(12.0).reshape(4, 3))
    assert opened(url).view().isnan().sum() == 9
    assert [row.id for row in history] == [row.id for row in late] == [0, 3]


def test_a_view_within_exclusive_shows_what_is_not_committed(history: DatabaseHistory) -> None:
    history.forget(0)

    def change_and_fail() -> None:
        with history.exclusive():
            history.add(torch.ones(2, 2), tags=["new"])
            history.forget([1, 5])
            history.tag(2, "new")
            assert history.view()[:, -1].isnan().tolist() == [True, True] + [False] * 3 + [True]
            assert [row.id for row in history.rows(tag="new")] == [2, 4]
            raise KeyError

    with pytest.raises(KeyError):
        change_and_fail()
    assert history.view()[:, -1].isnan().tolist() == [True, False, False, False]
    assert (history.count(), history.count("new")) == (3, 0)
    with history.exclusive():
        history.add(torch.ones(1, 2))
        history.forget(3)
    assert history.view()[:, -1].isnan().tolist() == [True, False, False, True, False]


def test_other_threads_see_nothing_of_an_open_transaction(history: DatabaseHistory) -> None:
    with history.exclusive(), ThreadPoolExecutor(1) as thread:
        history.add(torch.ones(1, 2))
        history.forget(0)
        assert thread.submit(history.view).result().isnan().sum() == 0
        assert thread.submit(history.count).result() == 4
        assert history.count() == 4
    assert (len(history), history.count()) == (5, 4)


def test_threads_tag_and_forget_at_once(history: DatabaseHistory) -> None:
    def change(number: int) -> None:
        history.add(torch.ones(1, 2), tags=[f"tag {number}"])
        history.tag(0, f"tag {number}")
        if number < 3:
            history.forget(1 + number)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(change, range(6)))
    assert (len(history), history.count()) == (10, 7)
    assert set(history[0].tags) == {f"tag {number}" for number in range(6)}
    assert all(history.count(f"tag {number}") == 2 for number in range(6))


def test_pages_of_rows_are_complete(
    history: DatabaseHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hawc.history.annotated._PAGE", 3)
    history.add(torch.ones(7, 2), seeds=range(7))
    history.forget([3, 4])
    assert [(row.id, row.seed) for row in history][3:] == [(i, i - 4) for i in range(5, 11)]


def test_only_another_length_is_a_conflict(url: str) -> None:
    plane = StandardNormal(2)
    history = DatabaseHistory(url, plane, create=True)
    history.append(torch.ones(3, 2), expected_length=0)
    with Store(url).writing() as connection:
        connection.exec_driver_sql("CREATE UNIQUE INDEX one ON hawc_batches (checksum)")
    with pytest.raises(HistoryStoreError, match=r"(?i)unique constraint"):
        history.append(torch.ones(3, 2), expected_length=3)
    with pytest.raises(HistoryConflictError, match="holds 3 points where 2 were expected"):
        history.append(torch.zeros(3, 2), expected_length=2)
    history.append(torch.zeros(3, 2), expected_length=3)
    assert len(history) == 6


def test_a_deleted_or_replaced_gallery_takes_no_rows(sqlite_url: str) -> None:
    plane = StandardNormal(2)
    history = DatabaseHistory(sqlite_url, plane, create=True)
    for replacement in (None, DatabaseHistory):
        with Store(sqlite_url).writing() as connection:
            for table in ("hawc_sequences", "hawc_galleries"):
                connection.exec_driver_sql(f"DELETE FROM {table}")
        if replacement is not None:
            replacement(sqlite_url, plane, create=True)  # SQLite gives it the same key
        for use in (
            lambda: history.append(torch.ones(1, 2), expected_length=0),
            lambda: history.view(),
            lambda: len(history),
        ):
            with pytest.raises(HistoryStoreError, match="was deleted from the store"):
                use()
