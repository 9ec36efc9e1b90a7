"""The galleries of a store: their records, opening one, listing all."""

from dataclasses import dataclass
from typing import final

import torch
from sqlalchemy import BigInteger, Connection, cast, func, insert, inspect, select

from hawc.history.abstract import HistoryStoreError, Recorded, check_recorded
from hawc.history.store import Store, StoreURL
from hawc.history.tables import BATCHES, GALLERIES, METADATA

__all__ = ["DTYPES", "Gallery", "galleries", "open_gallery"]

DTYPES = {"float32": torch.float32, "float64": torch.float64}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}


@final
@dataclass(frozen=True)
class Gallery:
    """The record of a gallery.

    Args:
        name: as given to `DatabaseHistory`.
        dim: number of coordinates of a point.
        dtype: of the points, "float32" or "float64".
        target: the `repr` of the points' distribution.
        length: number of points.
    """

    name: str
    dim: int
    dtype: str
    target: str
    length: int


def galleries(url: StoreURL) -> list[Gallery]:
    """Returns the galleries of a store, oldest first; creates nothing.

    Args:
        url: as for `DatabaseHistory`.

    Raises:
        ValueError: if the URL is not valid or names a missing file.
        HistoryStoreError: if the store cannot be read.
    """
    store = Store(url)
    if store.is_missing_file:
        raise ValueError(f"`url` must name a store that exists, got {store}: no such file.")
    length = cast(func.coalesce(func.sum(BATCHES.c.size), 0), BigInteger)  # else a decimal
    columns = (*(GALLERIES.c[name] for name in ("name", "dim", "dtype", "target")), length)
    query = select(*columns).outerjoin(BATCHES).group_by(GALLERIES.c.id).order_by(GALLERIES.c.id)
    with store.reading() as connection:
        if not inspect(connection).has_table(GALLERIES.name):
            return []
        return [Gallery(*row) for row in connection.execute(query)]


@dataclass(frozen=True)
class _Record:
    id: int
    dim: int
    dtype: str
    target: str
    identity: str


def open_gallery(
    store: Store, name: str, target: Recorded, dtype: torch.dtype | None
) -> tuple[int, str, str]:
    """Returns a gallery's key, dtype name and identity; creates it if missing.

    Args:
        store: of the gallery.
        name: 1 to 100 printable characters.
        target: the description of its points.
        dtype: of its points; None for the recorded one, or torch's default in a new gallery.

    Raises:
        ValueError: if an argument is out of range or differs from the gallery's record.
        HistoryStoreError: if the store cannot be read or, for a new gallery, written.
    """
    check_recorded("target", target)
    if not (name.isprintable() and 1 <= len(name) <= 100):
        raise ValueError(f"`gallery` must be 1 to 100 printable characters, got {name!r}.")
    if dtype is not None and dtype not in _NAMES:
        raise ValueError(f"`dtype` must be torch.float32 or torch.float64, got {dtype!r}.")
    record = _find(store, name)
    if record is None:
        record = _create(store, name, target, dtype or torch.get_default_dtype())
    _check(record, f"gallery {name!r} at {store}", target, dtype)
    return record.id, record.dtype, record.identity


def _find(store: Store, name: str) -> _Record | None:
    if store.is_missing_file:  # connecting would create it
        return None
    store.check_file()
    with store.reading() as connection:
        has_tables = inspect(connection).has_table(GALLERIES.name)
        return _record(connection, name) if has_tables else None


def _create(store: Store, name: str, target: Recorded, dtype: torch.dtype) -> _Record:
    """Returns the new gallery's record, or that of another process that was faster."""
    if dtype not in _NAMES:
        raise ValueError(
            "`dtype` must be torch.float32 or torch.float64 for a new gallery, got None where "
            f"torch's default is {dtype}."
        )
    with store.writing() as connection:
        store.lock(connection)
        METADATA.create_all(connection)
        if _record(connection, name) is None:
            values = {"dim": target.dim, "dtype": _NAMES[dtype], "target": repr(target)}
            connection.execute(insert(GALLERIES).values(name=name, **values))
        created = _record(connection, name)
    assert created is not None  # just written
    return created


def _record(connection: Connection, name: str) -> _Record | None:
    columns = (GALLERIES.c[column] for column in ("id", "dim", "dtype", "target", "identity"))
    row = connection.execute(select(*columns).where(GALLERIES.c.name == name)).first()
    return None if row is None else _Record(*row)


def _check(record: _Record, place: str, target: Recorded, dtype: torch.dtype | None) -> None:
    if record.dtype not in DTYPES:
        raise HistoryStoreError(
            f"{place} has points of type {record.dtype!r}: it is damaged, or newer than this "
            "program."
        )
    recorded_dtype = DTYPES[record.dtype]
    for argument, recorded, given in (
        ("target", record.target, repr(target)),
        ("target.dim", record.dim, target.dim),
        ("dtype", recorded_dtype, dtype or recorded_dtype),
    ):
        if recorded != given:
            raise ValueError(
                f"`{argument}` must be {recorded}, with which {place} was created, got {given}; "
                "name another `gallery`."
            )
