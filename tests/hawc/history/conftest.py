"""Stores for tests: SQLite files, and schemas on a temporary PostgreSQL server."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from tests.postgresql_server import initdb_path, postgresql_server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Callable[..., str]]:
    """Returns a function that returns the URL of a new store: a user with a schema.

    With the name of an encoding as argument, the store is a database of that encoding.
    """
    if initdb_path() is None:
        pytest.skip("needs PostgreSQL's initdb (Debian: apt-get install postgresql)")
    pytest.importorskip("psycopg", reason="needs psycopg (pip install 'hawc[postgresql]')")
    numbers = itertools.count()
    with postgresql_server() as server:
        engine = create_engine(server, isolation_level="AUTOCOMMIT")

        def new_store(encoding: str | None = None) -> str:
            name = f"store{next(numbers)}"
            url = server.replace("//hawc@", f"//{name}@")
            with engine.connect() as connection:
                connection.exec_driver_sql(f"CREATE ROLE {name} LOGIN")
                if encoding is None:
                    connection.exec_driver_sql(f"CREATE SCHEMA {name} AUTHORIZATION {name}")
                    return url
                connection.exec_driver_sql(
                    f"CREATE DATABASE {name} OWNER {name} ENCODING '{encoding}' TEMPLATE template0"
                )
            return url.replace("/postgres?", f"/{name}?")

        yield new_store
        engine.dispose()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'gallery.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """Returns the URL of an empty store, of each kind in turn."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    return str(request.getfixturevalue("postgresql")())
