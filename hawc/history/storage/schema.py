"""The schema's version in a store, and its upgrade by the first write."""

from sqlalchemy import Connection, func, insert, inspect, select

from hawc.history.abstract import HistoryStoreError
from hawc.history.storage.store import Store
from hawc.history.storage.tables import GALLERIES, METADATA, SCHEMA, VERSION

__all__ = ["upgrade", "version_of"]


def version_of(store: Store, connection: Connection) -> int:
    """Returns the version of the store's tables; 0 if there are none.

    Raises:
        HistoryStoreError: if it is newer than this program.
    """
    tables = inspect(connection)
    if not tables.has_table(SCHEMA.name):
        return 1 if tables.has_table(GALLERIES.name) else 0
    version = connection.execute(select(func.max(SCHEMA.c.version))).scalar() or 1
    if version > VERSION:
        raise HistoryStoreError(
            f"the history at {store} has schema version {version}, and this program reads versions "
            f"up to {VERSION}: install a newer hawc."
        )
    return int(version)


def upgrade(store: Store, connection: Connection) -> None:
    """Create missing tables within the transaction of `connection`."""
    version = version_of(store, connection)
    if version == VERSION:
        return
    if version == 0:
        store.check_no_link()
    store.lock(connection)
    METADATA.create_all(connection)
    if version_of(store, connection) != VERSION:  # another process may have been faster
        connection.execute(insert(SCHEMA).values(version=VERSION))
