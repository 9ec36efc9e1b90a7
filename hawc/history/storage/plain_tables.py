"""Whether a store's tables are those that this program creates, and nothing acts behind them.

A trigger, a view in place of a table or an expression in an index is code of the store's
author. It could hide rows, change them, or never end.
"""

import re
from collections.abc import Iterator
from functools import cache

from sqlalchemy import Connection, Dialect, Table, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateTable

from hawc.history.storage.tables import METADATA
from hawc.printable import shortened

__all__ = ["other_tables", "problem_of_tables"]

_TABLES = {table.name: table for table in METADATA.sorted_tables}
_NAMES = ", ".join(f"'{name}'" for name in _TABLES)
_IN_FILE = f"""
SELECT type, name, lower(tbl_name), sql FROM sqlite_master
WHERE lower(tbl_name) IN ({_NAMES}) OR lower(name) IN ({_NAMES})"""
_OTHERS = f"""
SELECT count(*) FROM sqlite_master
WHERE lower(tbl_name) NOT IN ({_NAMES}) AND lower(name) NOT IN ({_NAMES})"""
_ON_SERVER = f"""
SELECT c.relname, CASE
  WHEN c.relkind <> 'r' THEN 'another kind of relation'
  WHEN EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal) THEN 'a trigger'
  WHEN EXISTS (SELECT FROM pg_rewrite WHERE ev_class = c.oid) THEN 'a rule'
  WHEN c.relrowsecurity THEN 'a policy for its rows'
  WHEN EXISTS (SELECT FROM pg_inherits WHERE c.oid IN (inhrelid, inhparent)) THEN 'heirs'
  WHEN EXISTS (
    SELECT FROM pg_constraint WHERE conrelid = c.oid AND contype NOT IN ('p', 'u', 'f', 'n')
  ) THEN 'a constraint'
  WHEN EXISTS (
    SELECT FROM pg_index
    WHERE indrelid = c.oid AND (indexprs IS NOT NULL OR indpred IS NOT NULL)
  ) THEN 'an index of expressions or of some rows'
  WHEN NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = c.oid AND contype = 'p')
  THEN 'no primary key'
  END,
  (
    SELECT string_agg(
      attname || ' ' || format_type(atttypid, atttypmod) || CAST(attgenerated AS text), ', '
    )
    FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
  ),
  (
    SELECT min(pg_get_expr(adbin, adrelid)) FROM pg_attrdef
    WHERE adrelid = c.oid
    AND pg_get_expr(adbin, adrelid) !~ '^nextval\\(''[^'']*''::regclass\\)$'
  )
FROM pg_class c
WHERE c.oid IN ({", ".join(f"to_regclass('{name}')" for name in _TABLES)})"""
_WORDS = re.compile(r"\w+|[^\w\s]")
_TEXT = re.compile(r"(?:varchar|character varying) ?\(\d+\)")  # the first wave limited more of them
_PLAIN_INDEX = re.compile(
    r"create (unique )?index \w+ on \w+ \( \w+( asc| desc)?( , \w+( asc| desc)?)* \)"
)


def problem_of_tables(connection: Connection) -> str | None:
    """Returns what a table is or has that no table of a gallery has; None if all are plain."""
    is_file = connection.dialect.name == "sqlite"
    return next(_problems_in_file(connection) if is_file else _problems_on_server(connection), None)


def other_tables(connection: Connection) -> bool:
    """Returns whether a SQLite file has tables or views of other programs, which are never used."""
    return bool(connection.execute(text(_OTHERS)).scalar())


def _problems_in_file(connection: Connection) -> Iterator[str]:
    for kind, name, table, sql in connection.execute(text(_IN_FILE)):
        words = _words(sql) if isinstance(sql, str) else ""
        if kind == "index" and (sql is None or _PLAIN_INDEX.fullmatch(words)):
            continue  # without SQL it is that of a key
        if kind == "table" and table in _TABLES and words == _created(table):
            continue
        shown = shortened(f"{kind} {name}", 60)
        yield f"it has {shown!r}, which is not as this program creates it"


def _problems_on_server(connection: Connection) -> Iterator[str]:
    for table, problem, columns, default in connection.execute(text(_ON_SERVER)):
        if problem is None and default is not None:
            problem = "a default value"
        if problem is None and _columns(columns) != _expected_columns(table):
            problem = "other columns"
        if problem is not None:
            yield f"{table} is or has {problem}"


def _words(sql: str) -> str:
    """Returns SQL with one space between words, in lower case and without quotes of names."""
    words = " ".join(_WORDS.findall(sql.lower().replace('"', "").replace("`", "")))
    return re.sub(r"varchar \( \d+ \)", "text", words)


@cache
def _created(table: str) -> str:
    """Returns the words that create a table in SQLite."""
    return _words(str(CreateTable(_TABLES[table]).compile(dialect=sqlite.dialect())))


def _columns(listed: str) -> set[str]:
    return {_TEXT.sub("text", column) for column in listed.lower().split(", ")}


@cache
def _expected_columns(name: str) -> set[str]:
    """Returns the columns of a table on a server, each with its type."""
    table: Table = _TABLES[name]
    dialect: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    types = {column.name: column.type.compile(dialect=dialect) for column in table.columns}
    return _columns(", ".join(f"{column} {kind}" for column, kind in types.items()))
