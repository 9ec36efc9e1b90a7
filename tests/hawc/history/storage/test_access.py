"""The exclusive thread uses the connection of its transaction, others a new one."""

import threading
from pathlib import Path

from sqlalchemy import Connection

from hawc.history.storage.access import GalleryAccess
from hawc.history.storage.store import Store


def state(connection: Connection) -> tuple[int, int]:
    return int(connection.exec_driver_sql("SELECT count(*) FROM numbers").scalar() or 0), 0


def test_only_the_exclusive_thread_reads_its_transaction(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/store.db")
    access = GalleryAccess(store, 1, state)
    with store.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE numbers (number INTEGER)")
    seen: list[tuple[int, tuple[int, int] | None]] = []

    def look() -> None:
        with access.reading() as connection:
            seen.append((state(connection)[0], access.committed))

    with access.exclusive(), access.writing() as connection:
        connection.exec_driver_sql("INSERT INTO numbers VALUES (1)")
        look()
        with access.exclusive():  # shares the outer transaction
            look()
        other = threading.Thread(target=look)
        other.start()
        other.join()
    look()
    assert seen == [(1, (0, 0)), (1, (0, 0)), (0, None), (1, None)]
