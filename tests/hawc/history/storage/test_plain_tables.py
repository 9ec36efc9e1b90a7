"""Stores whose tables are not those that this program creates are refused when they are opened."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import torch

from hawc.history import DatabaseHistory, Gallery, HistoryStoreError, galleries
from hawc.history.storage.store import Store
from hawc.targets import StandardNormal

PLANE = StandardNormal(2)
ENDLESS = (
    "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x FROM r) SELECT x AS gallery_id, x AS "
    "first, x AS size, x AS label, x AS points, x AS checksum, x AS created FROM r"
)


def filled(url: str) -> None:
    history = DatabaseHistory(url, PLANE, create=True)
    history.append(torch.ones(3, 2), expected_length=0)
    history.forget(0)


def run(path: Path, *commands: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for command in commands:
            connection.execute(command)


def schema_change(table: str, before: str, after: str) -> tuple[str, ...]:
    """Returns commands that change how a table was created, as in a file made by hand."""
    change = f"sql = replace(sql, '{before}', '{after}') WHERE name = '{table}'"
    return "PRAGMA writable_schema = ON", f"UPDATE sqlite_master SET {change}"


IN_FILES: dict[str, tuple[str, ...]] = {
    "trigger that ignores": (
        "CREATE TRIGGER t BEFORE INSERT ON hawc_batches BEGIN SELECT RAISE(IGNORE); END",
    ),
    "trigger that deletes": (
        "CREATE TRIGGER t AFTER INSERT ON HAWC_NOTES BEGIN DELETE FROM hawc_batches; END",
    ),
    "endless view": ("DROP TABLE hawc_batches", f"CREATE VIEW hawc_batches AS {ENDLESS}"),
    "generated column": (
        "ALTER TABLE hawc_batches ADD COLUMN x GENERATED ALWAYS AS (zeroblob(1000000000))",
    ),
    "index of expressions": ("CREATE INDEX i ON hawc_notes(length(note))",),
    "index of some rows": ("CREATE INDEX i ON hawc_notes(note) WHERE note > 'a'",),
    "index in another order": ("CREATE INDEX i ON hawc_notes(note COLLATE nocase)",),
    "check": schema_change("hawc_batches", "NULL, ", "NULL CHECK (zeroblob(1000000000) > 0), "),
    "default": schema_change("hawc_notes", "note TEXT", "note TEXT DEFAULT (zeroblob(999999999))"),
    "ignored conflict": schema_change(
        "hawc_batches", "KEY (gallery_id, first)", "KEY (gallery_id, first) ON CONFLICT IGNORE"
    ),
    "no key": schema_change("hawc_schema", "PRIMARY KEY", "UNIQUE"),
    "further column": ("ALTER TABLE hawc_galleries ADD COLUMN x TEXT",),
}


@pytest.mark.parametrize("name", IN_FILES)
def test_code_in_a_file_is_not_run(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.db"
    filled(str(path))
    run(path, *IN_FILES[name])
    before = path.read_bytes()
    for read in (
        lambda: DatabaseHistory(path, PLANE, create=True),
        lambda: galleries(path),
        lambda: Gallery(path),
    ):
        with pytest.raises(HistoryStoreError, match=r"is refused: it has .* creates it") as caught:
            read()
        assert "\n" not in str(caught.value)
    assert path.read_bytes() == before


def test_what_does_not_act_on_the_tables_may_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    filled(str(path))
    run(
        path,
        "CREATE INDEX i ON hawc_notes (note, position DESC)",
        "CREATE TABLE mine (x, CHECK (x < zeroblob(1000000000)))",
        "INSERT INTO mine VALUES (NULL)",
        "CREATE TRIGGER t AFTER INSERT ON mine BEGIN SELECT 1; END",
        f"CREATE VIEW v AS {ENDLESS}",
        "ANALYZE",
    )
    history = DatabaseHistory(path, PLANE)
    history.append(torch.ones(1, 2), expected_length=3)
    assert (len(history), history.count()) == (4, 3)


ON_SERVERS = {
    "a trigger": "CREATE TRIGGER t BEFORE INSERT ON hawc_batches FOR EACH ROW "
    "EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "a rule": "CREATE RULE r AS ON INSERT TO hawc_batches DO INSTEAD NOTHING",
    "a policy": "ALTER TABLE hawc_batches ENABLE ROW LEVEL SECURITY",
    "heirs": "CREATE TABLE heir () INHERITS (hawc_batches)",
    "a constraint": "ALTER TABLE hawc_batches ADD CHECK (size > 0)",
    "an index of expressions": "CREATE INDEX i ON hawc_notes (length(note))",
    "no primary key": "ALTER TABLE hawc_batches DROP CONSTRAINT hawc_batches_pkey",
    "a default value": "ALTER TABLE hawc_notes ALTER note SET DEFAULT repeat('a', 1000000000)",
    "a default value of a computed sequence": "ALTER TABLE hawc_notes ALTER id "
    "SET DEFAULT nextval(CAST(lower('HAWC_NOTES_ID_SEQ') AS regclass))",
    "other columns": "ALTER TABLE hawc_batches ALTER size TYPE text",
    "another kind": "ALTER TABLE hawc_batches RENAME TO b; "
    "CREATE VIEW hawc_batches AS SELECT * FROM b",
}


def test_code_on_a_server_is_not_run(postgresql: Callable[[], str]) -> None:
    for name, command in ON_SERVERS.items():
        problem = name.removesuffix(" of a computed sequence")
        url = postgresql()
        filled(url)
        with Store(url).writing() as connection:
            connection.exec_driver_sql(command)
        with pytest.raises(HistoryStoreError, match=f"is refused: hawc_.* is or has {problem}"):
            DatabaseHistory(url, PLANE)


def test_a_server_may_have_more_tables_and_indexes(postgresql: Callable[[], str]) -> None:
    url = postgresql()
    filled(url)
    with Store(url).writing() as connection:
        connection.exec_driver_sql("CREATE TABLE mine (x int CHECK (x > 0))")
        connection.exec_driver_sql("CREATE INDEX i ON hawc_notes (position)")
        connection.exec_driver_sql("ALTER TABLE hawc_batches ALTER label TYPE varchar(100)")
    assert DatabaseHistory(url, PLANE).count() == 2
