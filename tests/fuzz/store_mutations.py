"""Changes of a SQLite file of galleries, which SQLite itself finds whole."""

import hashlib
import json
import random
import sqlite3
import struct
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from tests.fuzz.raw_mutations import mutated_bytes
from tests.fuzz.value_mutations import mutated_value, odd_value

__all__ = ["mutate_store"]

_TABLES = ("hawc_galleries", "hawc_batches", "hawc_sequences", "hawc_notes", "hawc_schema")
_BATCHES, _NOTES = "hawc_batches", "hawc_notes"
_SCHEMAS = (
    "CREATE TRIGGER t BEFORE INSERT ON {t} BEGIN SELECT RAISE(IGNORE); END",
    "CREATE TRIGGER t AFTER INSERT ON {t} BEGIN DELETE FROM {t}; END",
    "CREATE TRIGGER t BEFORE INSERT ON {t} BEGIN SELECT RAISE(ABORT, 'no'); END",
    "DROP TABLE {t}",
    "ALTER TABLE {t} RENAME TO other",
    "ALTER TABLE {t} ADD COLUMN more TEXT NOT NULL DEFAULT 'x'",
    "ALTER TABLE {t} ADD COLUMN double AS (rowid * 2)",
    "ALTER TABLE {t} RENAME COLUMN {c} TO renamed",
    "CREATE UNIQUE INDEX i ON {t} ({c})",
    "CREATE TABLE copied AS SELECT * FROM {t}; DROP TABLE {t}; ALTER TABLE copied RENAME TO {t}",
    "ALTER TABLE {t} RENAME TO kept; CREATE VIEW {t} AS SELECT * FROM kept",
    "ALTER TABLE {t} RENAME TO kept; CREATE VIEW {t} AS SELECT * FROM kept UNION ALL "
    "SELECT * FROM kept",
    "PRAGMA user_version = 77",
    "PRAGMA application_id = 7",
    "PRAGMA journal_mode = WAL",
    "DELETE FROM {t}",
)


def mutate_store(path: Path, chance: random.Random) -> None:
    """Changes a store in place: its bytes, its schema, or the values of its rows."""
    kind = chance.randrange(10)
    if kind < 2:
        path.write_bytes(mutated_bytes(path.read_bytes(), chance))
        return
    with closing(sqlite3.connect(path)) as store, suppress(sqlite3.Error):
        change = {2: _change_schema, 3: _change_points, 4: _change_points, 5: _change_note}
        for _ in range(chance.choice((1, 1, 2))):
            change.get(kind, _change_cell)(store, chance)
        store.commit()


def _columns(store: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in store.execute(f"PRAGMA table_info({table})")]


def _change_schema(store: sqlite3.Connection, chance: random.Random) -> None:
    table = chance.choice(_TABLES)
    column = chance.choice(_columns(store, table))
    store.executescript(chance.choice(_SCHEMAS).format(t=table, c=column))


def _change_cell(store: sqlite3.Connection, chance: random.Random) -> None:
    table = chance.choice(_TABLES)
    ids = [row[0] for row in store.execute(f"SELECT rowid FROM {table}")]
    column = chance.choice(_columns(store, table))
    if not ids:
        return
    place = (chance.choice(ids),)
    if chance.random() < 0.1:
        store.execute(f"DELETE FROM {table} WHERE rowid = ?", place)
        return
    (present,) = store.execute(f"SELECT {column} FROM {table} WHERE rowid = ?", place).fetchone()
    store.execute(
        f"UPDATE OR REPLACE {table} SET {column} = ? WHERE rowid = ?",
        (_cell(odd_value(chance, present), chance), *place),
    )


def _cell(value: Any, chance: random.Random) -> Any:
    """Returns what SQLite can store of a value."""
    if isinstance(value, int) and abs(value) >= 2**63:
        return float(value)
    if isinstance(value, dict | list):
        return json.dumps(value, default=repr)
    if isinstance(value, str):
        text = value.encode("utf-8", "surrogatepass")
        return text if chance.random() < 0.3 else text.decode("utf-8", "replace")
    return value


def _change_points(store: sqlite3.Connection, chance: random.Random) -> None:
    """Changes a batch and makes its checksum right again."""
    keys = store.execute(f"SELECT gallery_id, first FROM {_BATCHES}").fetchall()
    key = chance.choice(keys)
    where = "WHERE gallery_id = ? AND first = ?"
    size, points = store.execute(f"SELECT size, points FROM {_BATCHES} {where}", key).fetchone()
    first = key[1]
    match chance.randrange(7):
        case 0 | 1:
            place = chance.randrange(len(points) // 4) * 4
            odd = struct.pack("<f", chance.choice((float("nan"), float("inf"), -3e38, 1e-45)))
            points = points[:place] + odd + points[place + 4 :]
        case 2:
            points = mutated_bytes(points, chance)
        case 3:
            size += chance.choice((-1, 1, -size, 10**6, 2**40, -(2**62)))
        case 4:
            first += chance.choice((-1, 1, 2, 10**9, -(10**6)))
        case 5:
            points = points * chance.choice((2, 1000))
        case 6:
            points, size = b"", 0
    checksum = hashlib.sha256(points).hexdigest()
    values = (first, size, points, checksum, *key)
    columns = "first = ?, size = ?, points = ?, checksum = ?"
    store.execute(f"UPDATE OR REPLACE {_BATCHES} SET {columns} {where}", values)


def _change_note(store: sqlite3.Connection, chance: random.Random) -> None:
    notes = store.execute(f"SELECT id, note FROM {_NOTES}").fetchall()
    number, note = chance.choice(notes)
    if not note.startswith("{") or not note.endswith("}"):
        return  # changed before
    changed = json.dumps(mutated_value(json.loads(note), chance))
    changed = chance.choice((changed, changed, "[" * 100_000, note.replace("}", ""), ""))
    store.execute(f"UPDATE {_NOTES} SET note = ? WHERE id = ?", (changed, number))
