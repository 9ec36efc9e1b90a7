"""A history in a database: shared, durable, append-only, checked, read once."""

import copy
import pickle
import struct
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from sqlalchemy import Engine, event, select, update

from hawc.history import DatabaseHistory, HistoryConflictError, HistoryStoreError
from hawc.history.storage.store import Store
from hawc.history.storage.tables import BATCHES
from hawc.samplers import HistoryAwareSampler
from hawc.targets import StandardNormal

PLANE = StandardNormal(2)


def rows_of(url: str) -> list[tuple[int, int, bytes]]:
    columns = (BATCHES.c[name] for name in ("first", "size", "points"))
    with Store(url).reading() as connection:
        rows = connection.execute(select(*columns).order_by(BATCHES.c.first))
        return [(first, size, bytes(points)) for first, size, points in rows]


def random_points(n: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, 2, generator=torch.Generator().manual_seed(seed))


def test_outlives_the_object(url: str) -> None:
    points = random_points(7)
    DatabaseHistory(url, PLANE, create=True).append(points, expected_length=0)
    assert torch.equal(DatabaseHistory(url, PLANE, create=True).points(), points)


def test_sees_what_others_append(url: str) -> None:
    first, second = (
        DatabaseHistory(url, PLANE, create=True),
        DatabaseHistory(url, PLANE, create=True),
    )
    for length in range(0, 30, 3):
        writer, reader = (first, second) if length % 2 else (second, first)
        writer.append(random_points(3, seed=length), expected_length=length)
        assert len(reader) == length + 3
        assert torch.equal(reader.points()[-3:], random_points(3, seed=length))
    assert torch.equal(first.points(), second.points())


def test_raises_a_conflict_after_an_append_by_another_object(url: str) -> None:
    late, early = DatabaseHistory(url, PLANE, create=True), DatabaseHistory(url, PLANE, create=True)
    assert len(late.points()) == 0
    early.append(random_points(2), expected_length=0)
    with pytest.raises(HistoryConflictError, match="holds 2 points where 0 were expected"):
        late.append(random_points(5, seed=1), expected_length=0)
    assert torch.equal(late.points(), random_points(2))
    late.append(random_points(5, seed=1), expected_length=2)
    assert torch.equal(early.points(), torch.cat([random_points(2), random_points(5, seed=1)]))


def test_an_append_before_the_first_read_keeps_the_order(url: str) -> None:
    early, late = DatabaseHistory(url, PLANE, create=True), DatabaseHistory(url, PLANE, create=True)
    early.append(random_points(2), expected_length=0)
    late.append(random_points(3, seed=1), expected_length=2)
    assert torch.equal(late.points(), torch.cat([random_points(2), random_points(3, seed=1)]))


@pytest.mark.parametrize("other_finishes", [True, False])
def test_waits_for_an_unfinished_writer(
    postgresql: Callable[[], str], other_finishes: bool
) -> None:
    """Both saw the same length, so the key decides after the other transaction has ended."""
    url = postgresql()
    history, other = (
        DatabaseHistory(url, PLANE, create=True),
        DatabaseHistory(url, PLANE, create=True),
    )
    with ThreadPoolExecutor(1) as thread:
        with Store(url).writing() as connection:
            other._bound.batches.insert(connection, random_points(2), 0)
            appended = thread.submit(history.append, random_points(3), expected_length=0)
            wait_for_a_lock(url)
            if not other_finishes:
                connection.rollback()
        if other_finishes:
            with pytest.raises(HistoryConflictError, match="holds 2 points where 0 were exp"):
                appended.result(timeout=60)
        else:
            appended.result(timeout=60)
    assert len(history.points()) == len(history) == (2 if other_finishes else 3)


def wait_for_a_lock(url: str) -> None:
    """Return when a transaction in the database waits for another one."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    for _ in range(600):
        with Store(url).reading() as connection:
            if connection.exec_driver_sql(waiting).scalar():
                return
        time.sleep(0.05)
    raise TimeoutError("no transaction waits")


def test_galleries_do_not_mix(url: str) -> None:
    plane = DatabaseHistory(url, PLANE, gallery="plane", create=True)
    space = DatabaseHistory(url, StandardNormal(3), gallery="space", create=True)
    plane.append(torch.ones(2, 2), expected_length=0)
    space.append(torch.zeros(1, 3), expected_length=0)
    assert (len(plane), len(space)) == (2, 1)
    assert bool((plane.points() == 1).all())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_stores_little_endian_numbers(url: str, dtype: torch.dtype) -> None:
    history = DatabaseHistory(url, PLANE, dtype=dtype, create=True)
    history.append(torch.tensor([[1.5, -2.0], [0.1, 3e-5]]).T, expected_length=0)  # not contiguous
    code = {torch.float32: "<4f", torch.float64: "<4d"}[dtype]
    assert rows_of(url) == [(0, 2, struct.pack(code, 1.5, 0.1, -2.0, 3e-5))]
    expected = torch.tensor([[1.5, 0.1], [-2.0, 3e-5]], dtype=dtype)
    assert torch.equal(DatabaseHistory(url, PLANE, create=True).points(), expected)


def test_a_large_batch_takes_several_rows(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hawc.history.storage.batches._ROW_BYTES", 100)  # six rows of two float64
    points = random_points(200)
    DatabaseHistory(url, PLANE, create=True).append(points, expected_length=0)
    assert [row[:2] for row in rows_of(url)] == [(i, min(6, 200 - i)) for i in range(0, 200, 6)]
    assert torch.equal(DatabaseHistory(url, PLANE, create=True).points(), points)


def test_reads_each_batch_once_and_checks_it(url: str) -> None:
    reader = DatabaseHistory(url, PLANE, create=True)
    for length in (0, 4):
        reader.append(random_points(4), expected_length=length)
    damaged = rows_of(url)[1][2][:-1] + b"\x01"
    with Store(url).writing() as connection:
        connection.execute(update(BATCHES).where(BATCHES.c.first == 4).values(points=damaged))
    assert torch.equal(reader.points()[4:], random_points(4))
    message = r"points 4 to 7 of gallery 'default' at .* are damaged: 64 bytes .* or an export"
    with pytest.raises(HistoryStoreError, match=message):
        DatabaseHistory(url, PLANE, create=True).points()


@pytest.mark.parametrize("change", [{"size": 3}, {"first": 5}, {"checksum": "f" * 64}])
def test_refuses_inconsistent_rows(url: str, change: dict[str, object]) -> None:
    history = DatabaseHistory(url, PLANE, create=True)
    for length in (0, 4):
        history.append(random_points(4), expected_length=length)
    with Store(url).writing() as connection:
        connection.execute(update(BATCHES).where(BATCHES.c.first == 4).values(change))
    with pytest.raises(HistoryStoreError, match="are damaged"):
        DatabaseHistory(url, PLANE, create=True).points()


def test_notices_that_the_store_was_replaced(sqlite_url: str) -> None:
    history = DatabaseHistory(sqlite_url, PLANE, create=True)
    history.append(random_points(4), expected_length=0)
    Path(sqlite_url.removeprefix("sqlite:///")).unlink()
    with pytest.raises(HistoryStoreError, match=r"no such table: .* does the store still exist"):
        history.points()
    DatabaseHistory(sqlite_url, PLANE, create=True).append(random_points(1), expected_length=0)
    with pytest.raises(HistoryStoreError, match="was deleted from the store since"):
        history.points()


def test_only_inserts_rows(url: str) -> None:
    statements: list[str] = []

    def listen(_c: object, _d: object, statement: str, *_: object) -> None:
        statements.append(statement.split()[0].upper())

    event.listen(Engine, "before_cursor_execute", listen)
    try:
        for length in (0, 4):
            history = DatabaseHistory(url, PLANE, create=True)
            history.append(random_points(4), expected_length=length)
            with pytest.raises(HistoryConflictError):
                history.append(random_points(4), expected_length=length)
    finally:
        event.remove(Engine, "before_cursor_execute", listen)
    assert statements.count("INSERT") == 5  # version, gallery, condition and two batches
    assert not {"UPDATE", "DELETE", "DROP", "ALTER"} & set(statements)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_shares_the_gallery(
    url: str, copied: Callable[[DatabaseHistory], DatabaseHistory]
) -> None:
    history = DatabaseHistory(url, PLANE, gallery="other", dtype=torch.float32, create=True)
    history.append(random_points(4), expected_length=0)
    twin = copied(history)
    assert (twin.gallery, twin.target) == ("other", "StandardNormal(dim=2)")
    assert torch.equal(twin.points(), history.points())
    twin.append(random_points(1), expected_length=4)
    assert len(history) == 5


def test_a_copy_has_the_same_file_in_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    history = DatabaseHistory("sqlite:///gallery.db?timeout=3", PLANE, create=True)
    sent = pickle.dumps(history)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")  # a spawned process may start elsewhere
    pickle.loads(sent).append(random_points(2), expected_length=0)
    assert len(history) == 2
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_copy_refuses_another_gallery(sqlite_url: str) -> None:
    sent = pickle.dumps(DatabaseHistory(sqlite_url, PLANE, create=True))
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    file.unlink()
    with pytest.raises(HistoryStoreError, match="is not the one that was copied or sent here"):
        pickle.loads(sent)
    assert not file.exists()
    DatabaseHistory(sqlite_url, PLANE, create=True)
    with pytest.raises(HistoryStoreError, match="is not the one that was copied or sent here"):
        pickle.loads(sent)


def test_a_fork_does_not_use_its_parents_connection(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = DatabaseHistory(f"{sqlite_url}?timeout=0.05", PLANE, create=True)
    with history.exclusive():
        monkeypatch.setattr("hawc.history.storage.access.os.getpid", lambda: -1)  # as in a fork
        with pytest.raises(HistoryStoreError, match="another process keeps it locked"):
            history.append(random_points(1), expected_length=0)
        monkeypatch.undo()
        history.append(random_points(2), expected_length=0)
    assert torch.equal(history.points(), random_points(2))


def test_repr_names_store_target_and_gallery(tmp_path: Path) -> None:
    history = DatabaseHistory(
        f"sqlite:///{tmp_path}/a.db?timeout=3", PLANE, gallery="g", create=True
    )
    expected = f"DatabaseHistory('sqlite:///{tmp_path}/a.db', StandardNormal(dim=2), gallery='g')"
    assert repr(history) == expected


def test_a_sampler_continues_where_another_stopped(url: str) -> None:
    generator, batches = torch.Generator().manual_seed(0), []
    for _ in range(3):
        sampler = HistoryAwareSampler(PLANE, history=DatabaseHistory(url, PLANE, create=True))
        batches.append(sampler.sample(2, generator=generator))
    assert torch.equal(DatabaseHistory(url, PLANE, create=True).points(), torch.cat(batches))
    in_memory = HistoryAwareSampler(PLANE)
    generator.manual_seed(0)
    expected = torch.cat([in_memory.sample(2, generator=generator) for _ in range(3)])
    assert torch.equal(torch.cat(batches), expected)
