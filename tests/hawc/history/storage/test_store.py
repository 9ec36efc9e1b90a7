"""Databases: reading, writing completely or not at all, and messages of failures."""

import resource
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import torch

from hawc.history import DatabaseHistory, HistoryStoreError
from hawc.history.storage.store import Store
from hawc.targets import StandardNormal

PLANE = StandardNormal(2)
POINTS = torch.ones(3, 2)


def file_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def gallery_of_three(url: str) -> DatabaseHistory:
    history = DatabaseHistory(url, PLANE, create=True)
    history.append(POINTS, expected_length=0)
    return history


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Limit the size of files, so that writing fails as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_names_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(HistoryStoreError, match=r"psycopg .*: pip install 'hawc\[postgresql\]'"):
        Store("postgresql://user@host/name")


def test_a_relative_path_keeps_its_first_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    history = gallery_of_three("sqlite:///gallery.db")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert len(history) == 3
    assert str(tmp_path / "gallery.db") in repr(history)
    assert (tmp_path / "gallery.db").is_file()
    assert not list((tmp_path / "elsewhere").iterdir())


def test_reports_an_unreachable_server_without_the_password() -> None:
    pytest.importorskip("psycopg")
    with socket.socket() as unused:  # bound but not listening
        unused.bind(("127.0.0.1", 0))
        url = f"postgresql://me:pass-word@127.0.0.1:{unused.getsockname()[1]}/name?sslkey=pass-key"
        with pytest.raises(HistoryStoreError, match=r"refused.*: does the store") as caught:
            DatabaseHistory(url, PLANE, create=True)
    assert "me:***@127.0.0.1" in str(caught.value)
    assert "pass-" not in str(caught.value)
    assert "pass-" not in str(Store(url))


def test_hides_a_password_in_the_drivers_message(sqlite_url: str) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(HistoryStoreError) as caught:
        DatabaseHistory("postgresql://me:pass-word@host/name?host=/pass-word", PLANE, create=True)
    assert "pass-word" not in str(caught.value)


def test_reports_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(HistoryStoreError, match=r"cannot be created: does its folder exist"):
        DatabaseHistory(f"sqlite:///{tmp_path}/none/gallery.db", PLANE, create=True)


def test_reads_a_read_only_server(postgresql: Callable[[], str]) -> None:
    url = postgresql()
    gallery_of_three(url)
    history = DatabaseHistory(
        f"{url}&options=-c default_transaction_read_only=on", PLANE, create=True
    )
    assert torch.equal(history.points(), POINTS)
    with pytest.raises(HistoryStoreError, match="the server is read-only: write to the primary"):
        history.append(POINTS, expected_length=3)


def test_reports_a_missing_permission(postgresql: Callable[[], str]) -> None:
    url = postgresql()
    gallery_of_three(url)
    with Store(url).writing() as connection:
        connection.exec_driver_sql("REVOKE INSERT ON hawc_galleries FROM CURRENT_USER")
    with pytest.raises(
        HistoryStoreError, match=r"permission denied .*: the user lacks a permission"
    ):
        DatabaseHistory(url, PLANE, gallery="new", create=True)


def test_refuses_a_file_that_is_no_database(sqlite_url: str) -> None:
    file_of(sqlite_url).write_bytes(b"latents" * 1000)
    with pytest.raises(HistoryStoreError, match=r"not a database\): the file is no SQLite data"):
        DatabaseHistory(sqlite_url, PLANE, create=True)
    assert file_of(sqlite_url).read_bytes() == b"latents" * 1000


@pytest.mark.parametrize("place", [0.0, 0.3, 0.6, 0.85])
def test_refuses_a_damaged_file(sqlite_url: str, place: float) -> None:
    history = gallery_of_three(sqlite_url)
    for length in range(3, 1203, 300):
        history.append(torch.ones(300, 2), expected_length=length)
    content = bytearray(file_of(sqlite_url).read_bytes())
    start = int(place * len(content)) // 4096 * 4096
    content[start : start + 4096] = bytes(4096)
    file_of(sqlite_url).write_bytes(content)
    with pytest.raises(HistoryStoreError, match=r"file is damaged|are damaged|file is no SQLite"):
        DatabaseHistory(sqlite_url, PLANE, create=True).points()


def test_refuses_a_file_whose_index_has_lost_an_entry(sqlite_url: str) -> None:
    history = gallery_of_three(sqlite_url)
    history.append(POINTS, expected_length=3)
    whole = file_of(sqlite_url).read_bytes()
    pages = range(4096, len(whole), 4096)
    leaves = [start for start in pages if whole[start] == 10 and whole[start + 4] > 0]
    assert leaves, "SQLite's file format has pages of type 10 for the leaves of an index"
    for start in leaves:
        content = bytearray(whole)
        content[start + 4] -= 1  # the number of entries
        file_of(sqlite_url).write_bytes(content)
        with pytest.raises(HistoryStoreError, match="the file is damaged"):
            DatabaseHistory(sqlite_url, PLANE, create=True)


def test_refuses_a_truncated_file(sqlite_url: str) -> None:
    history = gallery_of_three(sqlite_url)
    history.append(torch.ones(3000, 2), expected_length=3)
    content = file_of(sqlite_url).read_bytes()
    file_of(sqlite_url).write_bytes(content[: len(content) // 2])
    with pytest.raises(HistoryStoreError, match="the file is damaged: restore it from a copy"):
        DatabaseHistory(sqlite_url, PLANE, create=True)


@pytest.mark.parametrize("spare", [0, 20_000])
def test_a_full_disk_records_nothing_of_a_batch(
    sqlite_url: str, spare: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "hawc.history.storage.batches._ROW_BYTES", 4096
    )  # the batch takes many rows
    history = gallery_of_three(sqlite_url)
    size = file_of(sqlite_url).stat().st_size
    with file_size_limit(size + spare):
        with pytest.raises(HistoryStoreError, match=r"written .*: the disk is full"):
            history.append(torch.ones(10_000, 2), expected_length=3)
        assert torch.equal(history.points(), POINTS)
    assert torch.equal(DatabaseHistory(sqlite_url, PLANE, create=True).points(), POINTS)
    history.append(torch.ones(10_000, 2), expected_length=3)
    assert len(history) == 10_003


def test_holds_no_connection_between_calls(sqlite_url: str) -> None:
    history = gallery_of_three(sqlite_url)
    with closing(sqlite3.connect(file_of(sqlite_url), isolation_level=None, timeout=0)) as other:
        other.execute("BEGIN EXCLUSIVE")  # fails while any lock is held
    open_files = [path.resolve() for path in Path("/proc/self/fd").iterdir()]
    assert file_of(sqlite_url) not in open_files
    assert len(history) == 3
