"""Errors of stores: the failure, the advice, and no part of a password."""

import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import torch
from sqlalchemy import insert
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from hawc.history import DatabaseHistory, HistoryStoreError
from hawc.history.storage.store import Store
from hawc.history.storage.store_errors import is_key_conflict, store_error
from hawc.history.storage.tables import BATCHES
from hawc.targets import StandardNormal

PLANE = StandardNormal(2)
POINTS = torch.ones(3, 2)


class DriverError(Exception):
    """An error of a driver, with its code."""

    def __init__(self, text: str, **codes: str) -> None:
        super().__init__(text)
        self.sqlite_errorname: str | None = None
        self.sqlstate: str | None = None
        vars(self).update(codes)


def wrapped(text: str = "words", **codes: str) -> DBAPIError:
    return OperationalError("SELECT 1", None, DriverError(text, **codes))


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("SQLITE_BUSY_SNAPSHOT", "another process keeps it locked"),
        ("SQLITE_READONLY_DBMOVED", "the file was moved or replaced"),
        ("SQLITE_READONLY_ROLLBACK", "open the store once without mode=ro"),
        ("SQLITE_READONLY_DIRECTORY", "make file and folder writable"),
        ("SQLITE_FULL", "the disk is full"),
        ("SQLITE_IOERR_WRITE", "the disk is full, limited or failing"),
        ("SQLITE_CANTOPEN", "does its folder exist"),
        ("SQLITE_ERROR", "does the store still exist?"),
    ],
)
def test_advice_for_files(code: str, advice: str) -> None:
    error = store_error(wrapped(sqlite_errorname=code), "x cannot be read")
    assert str(error).startswith("x cannot be read (words): ")
    assert advice in str(error)


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("57014", "statement_timeout"),
        ("55P03", "lock_timeout"),
        ("25P03", "idle_in_transaction_session_timeout"),
        ("25006", "the server is read-only"),
        ("53100", "the server's disk is full"),
        ("53300", "run out of memory or connections"),
        ("57P01", "the server ended the connection"),
        ("57P03", "the server ended the connection"),
        ("08006", "the connection was lost"),
        ("28P01", "refuses the user"),
        ("3D000", "no such database"),
        ("40P01", "try again"),
        ("22P05", "the database's encoding"),
        ("XX001", "files are damaged"),
        ("42P01", "does the store still exist?"),
    ],
)
def test_advice_for_servers(code: str, advice: str) -> None:
    assert advice in str(store_error(wrapped(sqlstate=code), "x cannot be read"))


def test_advice_for_a_server_that_was_not_reached() -> None:
    error = store_error(wrapped("refused"), "x cannot be read", connected=False)
    assert "server, user, password and options of the URL right?" in str(error)
    assert "password" not in str(store_error(wrapped("odd"), "x cannot be read"))


def shown(error: BaseException | None) -> str:
    """Returns the messages that a traceback shows."""
    texts = []
    while error is not None:
        texts.append(str(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(texts)


def fail_with(words: str) -> None:
    try:
        raise wrapped(words)
    except DBAPIError as error:
        raise store_error(error, "x cannot be read", secrets=["pass@word"])  # noqa: B904


@pytest.mark.parametrize("words", ["no pass@word", "no pass%40word"])
def test_no_message_or_traceback_has_a_password(words: str) -> None:
    with pytest.raises(HistoryStoreError) as caught:
        fail_with(words)
    assert shown(caught.value) == "x cannot be read (no ***): does the store still exist?"


def test_the_drivers_error_is_the_cause_if_it_has_no_password() -> None:
    original = wrapped("words")
    assert store_error(original, "x", secrets=["pass@word"]).__cause__ is original


def test_distinguishes_a_key_conflict_from_other_errors(url: str) -> None:
    history = DatabaseHistory(url, PLANE, create=True)
    history.append(POINTS, expected_length=0)
    row = {"gallery_id": 1, "first": 0, "size": 1, "points": b"", "checksum": ""}
    for values, expected in ((row, True), ({**row, "first": 1, "points": None}, False)):
        with Store(url).writing() as connection:
            with pytest.raises(IntegrityError) as caught:
                connection.execute(insert(BATCHES).values(values))
            connection.rollback()
        assert is_key_conflict(caught.value) is expected


def test_a_statement_or_lock_that_takes_too_long(postgresql: Callable[[], str]) -> None:
    url = postgresql()
    first = DatabaseHistory(url, PLANE, create=True)
    for setting, advice in (
        ("statement_timeout", "the server cancelled it, after its statement_timeout"),
        ("lock_timeout", "longer than the server's lock_timeout: end that process"),
    ):
        second = DatabaseHistory(f"{url}&options=-c {setting}=100ms", PLANE, create=True)
        with first.exclusive(), pytest.raises(HistoryStoreError, match=advice):
            second.append(POINTS, expected_length=0)
    assert len(first) == 0


def test_a_choice_longer_than_the_servers_timeout(postgresql: Callable[[], str]) -> None:
    setting = "idle_in_transaction_session_timeout=100ms"
    history = DatabaseHistory(f"{postgresql()}&options=-c {setting}", PLANE, create=True)
    with pytest.raises(HistoryStoreError, match="than the server's idle_in_transaction"):
        choose_for_long(history)
    assert len(history.points()) == len(history) == 0
    history.append(POINTS, expected_length=0)  # still usable


def choose_for_long(history: DatabaseHistory) -> None:
    with history.exclusive():
        time.sleep(0.5)
        history.append(POINTS, expected_length=0)


def test_a_server_that_ends_the_connection(postgresql: Callable[[], str]) -> None:
    url = postgresql()
    history = DatabaseHistory(url, PLANE, create=True)
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state LIKE 'idle in%%'"

    def end_others() -> None:
        with Store(url).reading() as connection:
            connection.exec_driver_sql(end)

    def append_when_it_is_gone() -> None:
        with history.exclusive():
            other = threading.Thread(target=end_others)
            other.start()
            other.join(60)
            history.append(POINTS, expected_length=0)

    with pytest.raises(HistoryStoreError, match=r"the server ended the|the connection was lost"):
        append_when_it_is_gone()
    history.append(POINTS, expected_length=0)
    assert len(history.points()) == 3


def test_a_wrong_password(postgresql: Callable[[], str]) -> None:
    url = postgresql().split("@")[1]
    with pytest.raises(
        HistoryStoreError, match=r"authentication failed .* are server, us"
    ) as caught:
        DatabaseHistory(f"postgresql://by_password:Xq1%40Zw9@{url}", PLANE, create=True)
    assert "Xq1" not in shown(caught.value)
    assert "Zw9" not in shown(caught.value)


def test_a_missing_table_is_no_conflict(sqlite_url: str) -> None:
    history = DatabaseHistory(sqlite_url, PLANE, create=True)
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as connection:
        connection.execute("DROP TABLE hawc_batches")
    with pytest.raises(HistoryStoreError, match="no such table"):
        history.append(POINTS, expected_length=0)


def test_the_next_writer_undoes_an_unfinished_write(tmp_path: Path) -> None:
    """The files as a killed process leaves them, with a journal of more than SQLite's memory."""
    history = DatabaseHistory(tmp_path / "a.db", PLANE, create=True)
    history.append(POINTS, expected_length=0)
    left = tmp_path / "left"
    left.mkdir()
    with history.exclusive():
        history.append(torch.ones(500_000, 2), expected_length=3)
        for file in tmp_path.glob("a.db*"):
            shutil.copy(file, left)
    assert (left / "a.db-journal").stat().st_size > 0
    reader = f"sqlite:///{left}/a.db?mode=ro"
    with pytest.raises(
        HistoryStoreError, match="open the store once without mode=ro, which undoes"
    ):
        DatabaseHistory(reader, PLANE)
    assert torch.equal(DatabaseHistory(left / "a.db", PLANE).points(), POINTS)
    assert len(DatabaseHistory(reader, PLANE)) == 3
