"""Connections to a file that its maker has bent."""

import os
import sqlite3
import struct
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from hawc.history import DatabaseHistory, Gallery, HistoryStoreError
from hawc.history.storage.sqlite_connection import LARGEST_CELL, connect
from hawc.targets import StandardNormal

PLANE = StandardNormal(2)
PAGE = 4096
CELLS = 400


def interior(child: int) -> bytes:
    """Returns an inner page of a table that names one page again and again."""
    page = bytearray(PAGE)
    page[:12] = struct.pack(">BHHHBI", 5, 0, CELLS, PAGE - 5 * CELLS, 0, child)
    for cell in range(CELLS):
        place = PAGE - 5 * (cell + 1)
        page[12 + 2 * cell : 14 + 2 * cell] = struct.pack(">H", place)
        page[place : place + 5] = struct.pack(">IB", child, 1)
    return bytes(page)


def test_rows_without_an_end_are_given_up(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    history = DatabaseHistory(path, PLANE, create=True)
    history.append(torch.ones(3, 2), expected_length=0)
    history.forget(0)
    with closing(sqlite3.connect(path)) as connection:
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'hawc_notes'"
        ).fetchone()
    content = path.read_bytes()
    count, start = len(content) // PAGE, (root - 1) * PAGE
    pages = [content[start : start + PAGE]]  # 400 ** 7 rows
    pages += [interior(count + i) for i in range(1, 7)]
    bent = bytearray(content + b"".join(pages))
    bent[start : start + PAGE] = interior(count + len(pages))
    bent[28:32] = struct.pack(">I", len(bent) // PAGE)
    path.write_bytes(bent)
    with pytest.raises(HistoryStoreError, match="the file is damaged, as its rows have no end"):
        Gallery(path).conditions()
    with pytest.raises(HistoryStoreError, match="the file is damaged"):
        DatabaseHistory(path, PLANE)


@pytest.mark.parametrize("blocks", [0, 1])
def test_a_disk_may_report_blocks_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blocks: int
) -> None:
    """ZFS reports one block of a file that it has not written yet, some network disks none."""
    path = tmp_path / "a.db"
    stat = os.stat

    def late(name: Any, **options: Any) -> Any:
        status = stat(name, **options)
        few = SimpleNamespace(st_size=status.st_size, st_blocks=blocks)
        return few if name == path else status

    with closing(connect(path, path.as_uri(), 1.0)) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.execute("INSERT INTO t VALUES (zeroblob(1000000))")
        connection.commit()
        monkeypatch.setattr(os, "stat", late)
        count = "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r LIMIT 200000) "
        count += "SELECT count(*) FROM r"
        assert connection.execute(count).fetchone() == (200_000,)


def test_each_statement_has_its_own_bound(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(connect(path, path.as_uri(), 1.0)) as connection:
        count = "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r LIMIT {}) "
        count += "SELECT count(*) FROM r"
        for _ in range(30):
            assert connection.cursor().execute(count.format(10_000)).fetchone() == (10_000,)
        with pytest.raises(sqlite3.OperationalError, match="interrupted"):
            connection.cursor().execute(count.format(1_000_000_000))
        with pytest.raises(sqlite3.DataError, match="too big"):
            connection.cursor().execute(f"SELECT zeroblob({LARGEST_CELL + 1})")
        assert connection.execute("PRAGMA trusted_schema").fetchone() == (0,)
