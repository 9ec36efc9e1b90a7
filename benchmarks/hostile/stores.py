"""Galleries whose SQLite file does more than hold rows, or holds other things."""

import hashlib
import json
import os
import sqlite3
import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from benchmarks.hostile.inputs import HONEST, OUTSIDE, Input, gallery, sample, used_history

__all__ = ["store_inputs"]

_SCHEMA, _ROWS, _FILE = "gallery: schema", "gallery: rows", "gallery: file"
_FOREVER = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT"


def _sql(*statements: str) -> Callable[[], None]:
    def prepare() -> None:
        with closing(sqlite3.connect("gallery.db")) as store:
            for statement in statements:
                store.executescript(statement)
            store.commit()

    return prepare


def _view(table: str, query: str) -> Callable[[], None]:
    return _sql(f"ALTER TABLE {table} RENAME TO kept", f"CREATE VIEW {table} AS {query}")


def _schema(table: str, old: str, new: str) -> Callable[[], None]:
    """Returns a preparation that edits the text of a table's definition."""

    def prepare() -> None:
        with closing(sqlite3.connect("gallery.db")) as store:
            store.execute("PRAGMA writable_schema = ON")
            change = "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE name = ?"
            store.execute(change, (old, new, table))
            store.commit()

    return prepare


_B, _G, _N, _S = "hawc_batches", "hawc_galleries", "hawc_notes", "hawc_sequences"
_BEFORE = "CREATE TRIGGER t BEFORE INSERT ON"
SCHEMAS: dict[str, Callable[[], None]] = {
    "trigger that ignores batches": _sql(f"{_BEFORE} {_B} BEGIN SELECT RAISE(IGNORE); END"),
    "trigger that fails": _sql(f"{_BEFORE} {_B} BEGIN SELECT RAISE(FAIL, 'again'); END"),
    "trigger that never ends": _sql(
        f"{_BEFORE} {_B} BEGIN INSERT INTO {_N} (gallery_id, position, note, created) "
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "
        "SELECT 1, x, '{}', 0 FROM n LIMIT 1000000000; END"
    ),
    "trigger that deletes after": _sql(
        f"CREATE TRIGGER t AFTER INSERT ON {_B} BEGIN DELETE FROM {_B} WHERE first = new.first; END"
    ),
    "trigger that updates notes": _sql(
        f"CREATE TRIGGER t AFTER INSERT ON {_N} BEGIN UPDATE {_N} SET note = '{{}}'; END"
    ),
    "trigger on deletion": _sql(
        f"CREATE TRIGGER t BEFORE DELETE ON {_N} BEGIN SELECT RAISE(IGNORE); END"
    ),
    "trigger of escape sequences": _sql(
        f"{_BEFORE} {_B} BEGIN SELECT RAISE(ABORT, '\x1b[31mred\x1b]0;x\x07'); END"
    ),
    "view of batches": _view(_B, "SELECT * FROM kept"),
    "view of galleries that never ends": _view(
        _G,
        f"{_FOREVER} x AS id, 'g' || x AS name, 'i' AS identity, 2 AS dim, 'float32' AS dtype, "
        "'StandardNormal(dim=2)' AS target, '2026-01-01 00:00:00.000000' AS created FROM n",
    ),
    "view of batches that never ends": _view(
        _B,
        f"{_FOREVER} 1 AS gallery_id, x AS first, 0 AS size, '' AS label, x'' AS points, "
        "'' AS checksum, '2026-01-01 00:00:00.000000' AS created FROM n",
    ),
    "view of notes that never ends": _view(
        _N,
        f"{_FOREVER} x AS id, 1 AS gallery_id, 0 AS position, '{{}}' AS note, "
        "'2026-01-01 00:00:00.000000' AS created FROM n",
    ),
    "view of versions that never ends": _sql(
        "DROP TABLE hawc_schema", f"CREATE VIEW hawc_schema AS {_FOREVER} x AS version FROM n"
    ),
    "CHECK that refuses": _schema(
        _B, "size BIGINT NOT NULL", "size BIGINT NOT NULL CHECK (size < 3)"
    ),
    "CHECK of 10^9 steps": _schema(
        _B, "size BIGINT NOT NULL", "size BIGINT NOT NULL CHECK (length(randomblob(900000000)) > 1)"
    ),
    "generated points": _schema(_B, "label TEXT", "label TEXT AS (hex(zeroblob(400000000)))"),
    "default that is large": _schema(_N, "note TEXT NOT NULL", "note TEXT DEFAULT (zeroblob(9))"),
    "column of another type": _schema(_B, "size BIGINT", "size TEXT"),
    "column NOT NULL that there is not": _sql(
        "CREATE TABLE c AS SELECT * FROM hawc_batches",
        "DROP TABLE hawc_batches",
        "CREATE TABLE hawc_batches (gallery_id, first, size, label, points, checksum, created, "
        "more TEXT NOT NULL)",
        "INSERT INTO hawc_batches SELECT *, 'x' FROM c",
    ),
    "foreign key that cascades": _schema(
        _B, "REFERENCES hawc_galleries (id)", "REFERENCES hawc_galleries (id) ON DELETE CASCADE"
    ),
    "virtual table": _sql(
        "DROP TABLE hawc_notes",
        "CREATE VIRTUAL TABLE hawc_notes USING fts5(id, gallery_id, position, note, created)",
    ),
    "schema that is no SQL": _schema(_B, "CREATE TABLE", "CREATE"),
    "table without keys": _sql(
        "CREATE TABLE c AS SELECT * FROM hawc_batches",
        "DROP TABLE hawc_batches",
        "ALTER TABLE c RENAME TO hawc_batches",
        "INSERT INTO hawc_batches SELECT * FROM hawc_batches",
    ),
    "no batches": _sql("DROP TABLE hawc_batches"),
    "gallery's row deleted": _sql("PRAGMA foreign_keys = OFF", "DELETE FROM hawc_galleries"),
    "a newer version": _sql("UPDATE hawc_schema SET version = 9223372036854775807"),
}


def _points(change: Callable[[bytes], bytes], **columns: int) -> Callable[[], None]:
    """Returns a preparation that changes the second batch of each condition."""

    def prepare() -> None:
        with closing(sqlite3.connect("gallery.db")) as store:
            for key, points in store.execute(
                "SELECT rowid, points FROM hawc_batches WHERE first = 4"
            ).fetchall():
                new = change(points)
                values = {"points": new, "checksum": hashlib.sha256(new).hexdigest(), **columns}
                sets = ", ".join(f"{name} = ?" for name in values)
                query = f"UPDATE OR REPLACE hawc_batches SET {sets} WHERE rowid = ?"
                store.execute(query, (*values.values(), key))
            store.commit()

    return prepare


def _number(value: float) -> Callable[[], None]:
    return _points(lambda points: struct.pack("<f", value) + points[4:])


def _note(note: str, rows: int = 1) -> Callable[[], None]:
    def prepare() -> None:
        with closing(sqlite3.connect("gallery.db")) as store:
            store.executemany(
                "INSERT INTO hawc_notes (gallery_id, position, note, created) "
                "SELECT id, ?, ?, '2026-01-01 00:00:00.000000' FROM hawc_galleries",
                ((0, note) for _ in range(rows)),
            )
            store.commit()

    return prepare


_ESCAPE = "\x1b]0;owned\x07\x1b[2J"
ROWS: dict[str, Callable[[], None]] = {
    "NaN": _number(float("nan")),
    "one NaN among numbers": _points(lambda p: p[:4] + struct.pack("<f", float("nan")) + p[8:]),
    "infinity": _number(float("inf")),
    "a gap": _points(bytes, first=6),
    "an overlap": _points(bytes, first=3),
    "below 0": _points(bytes, first=-4),
    "a size of 2^62": _points(bytes, size=2**62),
    "a size of 0": _points(lambda _: b"", size=0),
    "a size below 0": _points(bytes, size=-4),
    "bytes left over": _points(lambda p: p + b"x"),
    "a hundred times the bytes": _points(lambda p: p * 100),
    "points of text": _sql("UPDATE hawc_batches SET points = 'text'"),
    "points of 700 MB": _sql(
        "UPDATE hawc_batches SET points = zeroblob(700000000), size = 87500000 WHERE rowid = 1"
    ),
    "first of text": _sql("UPDATE hawc_batches SET first = 'x' WHERE first = 4"),
    "first at half": _sql("UPDATE hawc_batches SET first = 4.5 WHERE first = 4"),
    "size of a blob": _sql("UPDATE hawc_batches SET size = x'00ff'"),
    "a date of text": _sql("UPDATE hawc_batches SET created = 'yesterday'"),
    "a date of a number": _sql("UPDATE hawc_batches SET created = 17"),
    "a date of the year 99999": _sql("UPDATE hawc_notes SET created = '99999-01-01 00:00:00'"),
    "dimension of text": _sql("UPDATE hawc_galleries SET dim = 'two'"),
    "dimension 0": _sql("UPDATE hawc_galleries SET dim = 0"),
    "dimension 2^40": _sql("UPDATE hawc_galleries SET dim = 1099511627776"),
    "dimension below 0": _sql("UPDATE hawc_galleries SET dim = -2"),
    "dtype that torch lacks": _sql("UPDATE hawc_galleries SET dtype = 'float7'"),
    "dtype of a function": _sql("UPDATE hawc_galleries SET dtype = 'load'"),
    "target of a blob": _sql("UPDATE hawc_galleries SET target = x'ff00ff'"),
    "target of escape sequences": _sql(f"UPDATE hawc_galleries SET target = '{_ESCAPE}'"),
    "target of 30 MB": _sql("UPDATE hawc_galleries SET target = hex(zeroblob(15000000))"),
    "name of escape sequences": _sql(f"UPDATE hawc_galleries SET name = '{_ESCAPE}' WHERE id = 1"),
    "name is no UTF-8": _sql("UPDATE hawc_galleries SET name = CAST(x'ff41' AS TEXT) WHERE id = 1"),
    "condition is no JSON": _sql("UPDATE hawc_sequences SET condition = 'x'"),
    "condition is a list": _sql("UPDATE hawc_sequences SET condition = '[1]'"),
    "condition nested deeply": _sql(f"UPDATE hawc_sequences SET condition = '{'[' * 90_000}'"),
    "condition of escape sequences": _sql(
        f"UPDATE hawc_sequences SET condition = '{json.dumps(_ESCAPE)}' WHERE gallery_id = 2"
    ),
    "features of text": _sql("UPDATE hawc_sequences SET num_features = 'all'"),
    "features 10^12": _sql("UPDATE hawc_sequences SET num_features = 1000000000000"),
    "kind that there is not": _sql("UPDATE hawc_sequences SET kind = 'x'"),
    "fingerprint of a list": _sql("UPDATE hawc_sequences SET fingerprint = '[[1]]'"),
    "200,000 sequences": _sql(
        "WITH RECURSIVE n(x) AS (SELECT 10 UNION ALL SELECT x + 1 FROM n LIMIT 200000) "
        "INSERT INTO hawc_galleries SELECT x, 'g' || x, 'i', 2, 'float32', 'StandardNormal(dim=2)',"
        " '2026-01-01 00:00:00.000000' FROM n"
    ),
    "note nested deeply": _note('{"metadata": ' + '{"a":' * 60_000 + "0" + "}" * 60_000 + "}"),
    "note of a list": _note("[1]"),
    "note of no JSON": _note("}"),
    "note of 40 MB": _note(json.dumps({"metadata": {"x": "y" * 40_000_000}})),
    "note of a million tags": _note(json.dumps({"tags": [str(i) for i in range(10**6)]})),
    "300,000 notes of a row": _note('{"tags": ["a"], "untag": ["a"]}', 100_000),
    "note whose metadata are text": _note('{"metadata": "x"}'),
    "note whose tags are numbers": _note('{"tags": [1, null, {}]}'),
    "note of a seed of 5,000 digits": _note('{"seed": ' + "9" * 5000 + "}"),
    "note of NaN and escape sequences": _note(json.dumps({"metadata": {_ESCAPE: float("nan")}})),
    "note of a file elsewhere": _note(json.dumps({"metadata": {"file": "../outside/secret.txt"}})),
    "note of a file that is a list": _note('{"metadata": {"file": [1, 2]}}'),
    "note of a device": _note('{"metadata": {"file": "/dev/zero"}}'),
}


def _journal(
    target: str | None = None, pipe: bool = False, wal: bool = False
) -> Callable[[], None]:
    """Returns a preparation of a hot journal, which may name a file outside as its master."""

    def prepare() -> None:
        path = Path("gallery.db-wal" if wal else "gallery.db-journal")
        if pipe:
            os.mkfifo(path)
            return
        pages = Path("gallery.db").stat().st_size // 4096
        magic = bytes.fromhex("d9d505f920a163d7")
        header = magic + struct.pack(">IIIII", 0, 7, pages, 512, 4096)
        content = header.ljust(512, b"\0")
        if target is not None:
            name = str(Path(target).resolve()).encode()
            lock = struct.pack(">I", 2**30 // 4096 + 1)
            end = struct.pack(">II", len(name), sum(name) & 0xFFFFFFFF)
            content += lock + name + end + magic
        path.write_bytes(content)

    return prepare


FILES: dict[str, Callable[[], object]] = {
    "journal that names a file": _journal("../outside/victim.txt"),
    "journal that names a store": _journal("../outside/victim.db"),
    "journal that is a pipe": _journal(pipe=True),
    "log that is a pipe": _journal(pipe=True, wal=True),
    "journal without pages": _journal(),
    "journal that is a link": lambda: os.symlink(OUTSIDE / "victim.txt", "gallery.db-journal"),
    "log that is a link": lambda: os.symlink(OUTSIDE / "victim.txt", "gallery.db-wal"),
    "a pipe": lambda: (os.remove("gallery.db"), os.mkfifo("gallery.db")),
    "a device": lambda: (os.remove("gallery.db"), os.symlink("/dev/zero", "gallery.db")),
    "a folder": lambda: (os.remove("gallery.db"), os.mkdir("gallery.db")),
    "an empty file": lambda: Path("gallery.db").write_bytes(b""),
    "a text": lambda: Path("gallery.db").write_text("SQLite format 3\0" * 300),
    "cut off": lambda: os.truncate("gallery.db", 5000),
    "100 GB with holes": lambda: os.truncate("gallery.db", 10**11),
    "page size of 0": lambda: _poke(16, b"\0\0"),
    "pages that form a ring": lambda: _poke(4096, b"\x05" + bytes(7) + b"\0\0\0\x02"),
}


def _poke(place: int, content: bytes) -> None:
    with Path("gallery.db").open("r+b") as file:
        file.seek(place)
        file.write(content)


def store_inputs() -> Iterator[Input]:
    """Yields all galleries, for the commands and a sampler in turn."""
    looks = (
        gallery("list", "gallery.db"),
        used_history("gallery.db"),
        gallery("show", "gallery.db"),
        gallery("export", "gallery.db", "--gallery", "default", "--condition", "", "new.npz"),
        gallery("sheet", "gallery.db", "new.html"),
        gallery("forget", "gallery.db", "--gallery", "default", "--condition", "", "1"),
        sample("--history", "gallery.db"),
    )
    for kind in (_SCHEMA, _ROWS, _FILE):
        yield Input(kind, HONEST, lambda: None, sample("--history", "gallery.db"))
    for kind, made in ((_SCHEMA, SCHEMAS), (_ROWS, ROWS), (_FILE, FILES)):
        for number, (name, prepare) in enumerate(made.items()):
            places = (number % 7, 1) if kind == _SCHEMA else (number % 7,)
            for place in dict.fromkeys(places):
                yield Input(kind, f"{name} ({place})", prepare, looks[place])
