"""URLs of stores: accepted forms, errors, and hidden passwords."""

import os
import pickle
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import torch
from sqlalchemy import URL, create_engine

from hawc.history import DatabaseHistory, HistoryStoreError, galleries
from hawc.history.storage.store import Store
from hawc.history.storage.store_url import FilePlace, ServerPlace, store_place
from hawc.targets import StandardNormal

PLANE = StandardNormal(2)


def gallery_of_three(path: Path) -> None:
    DatabaseHistory(path, PLANE, create=True).append(torch.ones(3, 2), expected_length=0)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Returns the working directory, which is empty and also the home folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:///gallery.db", "gallery.db"),
        ("sqlite+pysqlite:///gallery.db", "gallery.db"),
        ("sqlite:///my gallery.db", "my gallery.db"),
        ("sqlite:///my%20gallery.db", "my gallery.db"),
        ("sqlite:///100%.db", "100%.db"),
        ("sqlite:///100%25.db", "100%.db"),
        ("sqlite:///gälerie 猫#1.db", "gälerie 猫#1.db"),
        ("sqlite:///~/gallery.db", "gallery.db"),
        ("sqlite:///~gallery.db", "~gallery.db"),
        ("sqlite:///what%3F.db", "what?.db"),
        ("sqlite:///file:my%20gallery.db?uri=true", "my gallery.db"),
        ("sqlite:///file:gallery.db", "gallery.db"),
        (Path("what? 100%25 .db"), "what? 100%25 .db"),
        ("gallery.db", "gallery.db"),
        ("what? 100%25 .db", "what? 100%25 .db"),
        ("~/gallery.db", "gallery.db"),
        ("a:b.db", "a:b.db"),
        (Path("~/gallery.db"), "gallery.db"),
        (URL.create("sqlite", database="gallery.db"), "gallery.db"),
    ],
)
def test_writes_exactly_the_named_file(here: Path, url: str, name: str) -> None:
    history = DatabaseHistory(url, PLANE, create=True)
    history.append(torch.ones(3, 2), expected_length=0)
    assert os.listdir(here) == [name]
    assert galleries(url)[0].length == 3
    assert (
        len(DatabaseHistory(history.location, PLANE, create=True)) == 3
    )  # the form in messages and manifests
    assert os.listdir(here) == [name]


@pytest.mark.parametrize("slashes", ["", "//", "//localhost"])
def test_reads_absolute_paths(here: Path, slashes: str) -> None:
    expected = here / "gallery.db"
    for url in (f"sqlite:///{expected}", f"sqlite:///file:{slashes}{expected}?mode=ro&uri=true"):
        place = store_place(url)
        assert isinstance(place, FilePlace)
        assert place.path == expected


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///gallery.db?mode=ro&uri=true",
        "sqlite:///gallery.db?mode=ro",
        "sqlite:///file:gallery.db?mode=ro&uri=true",
        "sqlite:///gallery.db?mode=ro&immutable=1",
        "sqlite:///gallery.db?mode=ro&nolock=TRUE&timeout=0",
    ],
)
def test_the_mode_ro_reads_only(here: Path, url: str) -> None:
    with pytest.raises(HistoryStoreError, match="with mode=ro must name a file that exists"):
        DatabaseHistory(url, PLANE, create=True)
    with pytest.raises(ValueError, match="must name a store that exists"):
        galleries(url)
    assert not list(here.iterdir())
    gallery_of_three(here / "gallery.db")
    history = DatabaseHistory(url, PLANE, create=True)
    assert len(history.points()) == 3
    assert galleries(url)[0].length == 3
    with pytest.raises(HistoryStoreError, match=r"readonly database\): it is read-only: make file"):
        history.append(torch.ones(1, 2), expected_length=3)
    with pytest.raises(HistoryStoreError, match="it is read-only"):
        DatabaseHistory(url, PLANE, gallery="new", create=True)
    assert os.listdir(here) == ["gallery.db"]


def test_the_mode_rw_creates_no_file(here: Path) -> None:
    url = "sqlite:///gallery.db?mode=rw"
    with pytest.raises(HistoryStoreError, match="with mode=rw must name a file that exists"):
        DatabaseHistory(url, PLANE, create=True)
    assert not list(here.iterdir())
    gallery_of_three(here / "gallery.db")
    DatabaseHistory(url, PLANE, create=True).append(torch.ones(1, 2), expected_length=3)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("sqlite:///g.db?timeout=soon", "have a number of seconds as timeout, 0 to .*, got 'soon'"),
        ("sqlite:///g.db?timeout=-1", "have a number of seconds as timeout, 0 to .*, got '-1'"),
        ("sqlite:///g.db?timeout=nan", "have a number of seconds as timeout, 0 to .*, got 'nan'"),
        ("sqlite:///g.db?timeout=1e9", "have a number of seconds as timeout, 0 to .*, got '1e9'"),
        ("sqlite:///g.db?timeout", "give option 'timeout' a value"),
        ("sqlite:///g.db?readonly", "give option 'readonly' a value"),
        ("sqlite:///g.db?readonly=1", "have no option 'readonly', .*; known are timeout, mode"),
        ("sqlite:///g.db?Mode=ro", "have no option 'Mode'"),
        ("sqlite:///g.db?cache=shared", "have no option 'cache'"),
        ("sqlite:///g.db?timeout=1&timeout=2", "give option 'timeout' once"),
        ("sqlite:///g.db?mode=readonly", "have ro, rw or rwc as mode, got 'readonly'"),
        ("sqlite:///g.db?mode=ro&immutable=maybe", "have true or false as immutable, got 'maybe'"),
        ("sqlite:///g.db?nolock=1", "have mode=ro where nolock is set, got mode=rwc"),
        ("sqlite://g.db", "have three slashes before a relative path .* got 'sqlite://g.db'"),
        ("sqlite://folder/g.db", "have three slashes before a relative path"),
        ("sqlite:///file://other/g.db", "name a file of this machine"),
        ("sqlite:///a\0b", "name a file without null bytes"),
        ("sqlite:///.", "name a file, got the folder"),
        ("a" * 300, "name a file, got .*: File name too long"),
        ("sqlite://", "name a file, .*; use MemoryHistory"),
        ("sqlite:///:memory:", "name a file, .*; use MemoryHistory"),
        ("sqlite:///file::memory:?uri=true", "name a file, .*; use MemoryHistory"),
        ("sqlite:///file:x?mode=memory&uri=true", "name a file, .*; use MemoryHistory"),
        ("mysql://me:a@b@host/name", "be like 'sqlite:///gallery.db' or .* got 'mysql://...'"),
        ("postgres://host/name", "be like 'sqlite:///gallery.db' or .* got 'postgres://...'"),
        ("sqlite+aiosqlite:///f", "be like 'sqlite:///gallery.db' or .* got 'sqlite.aiosqlite:"),
        (
            "sqlite:gallery.db",
            "be like 'sqlite:///gallery.db' or .*, or the path of a file; the gi",
        ),
        ("postgresql:me@host/name", "be like .*; the given value is neither"),
        ("", "be like .*; the given value is neither"),
        (7, "be like .*; the given value is neither"),
        ("postgresql://me@host:port/name", "be like .*; the given URL cannot be parsed"),
        ("postgresql://h/db?connect_timeout=-1", "have a whole number of seconds as connect_tim"),
        ("postgresql://h/db?connect_timeout=soon", "have a whole number .*, got 'soon'"),
        ("postgresql://h/db?sslmode", "give option 'sslmode' a value"),
        ("postgresql://h/db?host=a&host=b", "give option 'host' once"),
        (URL.create("mysql", database="x"), "be like 'sqlite:///gallery.db' or .* got 'mysql:"),
        (URL.create("sqlite"), "name a file, .*; use MemoryHistory"),
        (URL.create("sqlite", database="x", query={"a": ("1", "2")}), "give option 'a' once"),
    ],
)
@pytest.mark.usefixtures("no_shape_checks")
def test_refuses_invalid_urls(here: Path, url: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"`url` must {complaint}"):
        store_place(url)
    assert not list(here.iterdir())


@pytest.mark.parametrize("name", ["bogus", "autocommit", "client_encoding", "Sslmode"])
def test_refuses_options_that_the_driver_does_not_know(name: str) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(ValueError, match=f"`url` must have no option '{name}'.*connect_timeout"):
        Store(f"postgresql://host/db?{name}=1")


def test_keeps_options_that_the_driver_knows() -> None:
    pytest.importorskip("psycopg")
    query = "sslmode=require&connect_timeout=3&host=/run&options=-c a=b&application_name=a%40b"
    place = store_place(f"postgresql://host/db?{query}")
    assert isinstance(place, ServerPlace)
    expected = {"sslmode": "require", "connect_timeout": "3", "host": "/run", "options": "-c a=b"}
    assert place.address.query == {**expected, "application_name": "a@b"}
    place.engine()


@pytest.mark.parametrize("first", ["@", "?", "/", ":", "#"])
@pytest.mark.parametrize("second", ["@", "?", "@s=", "/"])
@pytest.mark.parametrize("rest", ["", "/db?sslmode=require", "/db?options=a@b"])
def test_shows_no_part_of_a_password_with_special_characters(
    first: str, second: str, rest: str
) -> None:
    password = f"Xq1{first}Zw9{second}Kv7"
    shown = shown_for(f"postgresql://me:{password}@host{rest}", password)
    assert not any(part in shown for part in ("Xq1", "Zw9", "Kv7"))


def shown_for(url: str, password: str) -> str:
    """Returns the error for a URL with its causes, or the place that it names."""
    try:
        place = store_place(url)
    except ValueError as error:
        context = None if error.__suppress_context__ else error.__context__
        return f"{error} {error.__cause__} {context}"
    assert isinstance(place, ServerPlace)
    assert place.address.password == password
    return str(place)


@pytest.mark.parametrize("password", ["p%40ss", "p%2Fss", "p%3Ass", "p:ss", "p/ss", "p%3Fss", "p%"])
def test_a_password_is_read_and_not_shown(password: str) -> None:
    place = store_place(f"postgresql://me:{password}@host/db?password=p%40ss&sslpassword=p%2Fss")
    assert isinstance(place, ServerPlace)
    assert place.address.host == "host"
    assert str(place) == "postgresql://me:***@host/db"
    assert {"p@ss", "p/ss"} <= set(place.secrets)
    assert store_place(place.url) == place
    assert store_place(pickle.loads(pickle.dumps(place.url))) == place


def test_waits_for_the_timeout(here: Path) -> None:
    gallery_of_three(here / "gallery.db")
    hasty = DatabaseHistory("sqlite:///gallery.db?timeout=0.05", PLANE, create=True)
    with closing(sqlite3.connect(here / "gallery.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(HistoryStoreError, match=r"written \(database is locked\): another pro"):
            hasty.append(torch.ones(3, 2), expected_length=3)


def test_a_lost_connection_prints_no_traceback(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engines = [store_place(tmp_path / "a.db").engine(), create_engine("sqlite://")]
    for engine in engines:
        engine.pool.logger.error("Error closing cursor")
    assert len(caplog.records) == 1  # of the engine of another program
    assert engines[0].pool.recreate().logger is engines[0].pool.logger
