"""The galleries of a store: what each was made for, opening one, listing all."""

from dataclasses import dataclass
from typing import Protocol, SupportsIndex, final, runtime_checkable

import torch
from sqlalchemy import BigInteger, Connection, cast, func, insert, inspect, select

from hawc.arguments import described
from hawc.history.abstract import HistoryStoreError
from hawc.history.store import Store, StoreURL
from hawc.history.tables import BATCHES, GALLERIES, METADATA

__all__ = ["DTYPES", "Gallery", "Recorded", "check_recorded", "galleries", "open_gallery"]

DTYPES = {"float32": torch.float32, "float64": torch.float64}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}


@runtime_checkable  # for the checks of annotations in tests; isinstance is not asked
class Recorded(Protocol):
    """What a gallery asks of the distribution of its points: `dim`, and a `repr` that identifies
    it.
    """

    @property
    def dim(self) -> int:
        """The number of coordinates of a point."""
        ...


def check_recorded(name: str, value: object) -> None:
    """Raises ValueError unless `value` has a number `dim`, unlike a tensor, an array or a class."""
    if not isinstance(getattr(value, "dim", None), SupportsIndex):
        raise ValueError(
            f"`{name}` must be a target, with a number `dim`, got {described(value)}; wrap the "
            "points: hawc.Empirical(points)."
        )


@final
@dataclass(frozen=True)
class Gallery:
    """A gallery's record.

    Args:
        name: as given to `DatabaseHistory`.
        dim: number of coordinates of a point.
        dtype: of the points, "float32" or "float64".
        target: the distribution that it was made for, as it describes itself.
        length: number of points.
    """

    name: str
    dim: int
    dtype: str
    target: str
    length: int


def galleries(url: StoreURL) -> list[Gallery]:
    """Returns the galleries of a store in the order of their creation; creates nothing.

    Args:
        url: as for `DatabaseHistory`.

    Raises:
        ValueError: if the URL is none of ours or names a file that is not there.
        HistoryStoreError: if the store cannot be read.
    """
    store = Store(url)
    if store.is_missing_file:
        raise ValueError(f"`url` must name a store that is there, got {store}: no such file.")
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
    """Returns a gallery's key, its dtype's name and its identity; creates what is not there yet.

    Args:
        store: where it is or shall be.
        name: 1 to 100 printable characters.
        target: the distribution that it was or is made for.
        dtype: of its points; None for the recorded one, or torch's default in a new gallery.

    Raises:
        ValueError: if an argument is out of its range or not what the gallery was made with.
        HistoryStoreError: if the store cannot be read or, for a new gallery, written.
    """
    check_recorded("target", target)
    if not (name.isprintable() and 1 <= len(name) <= 100):
        raise ValueError(f"`gallery` must be 1 to 100 printable characters, got {name!r}.")
    if dtype is not None and dtype not in _NAMES:
        raise ValueError(f"`dtype` must be torch.float32 or torch.float64, got {dtype!r}.")
    found = _find(store, name)
    if found is None:
        found = _create(store, name, target, dtype or torch.get_default_dtype())
    _check(found, f"gallery {name!r} at {store}", target, dtype)
    return found.id, found.dtype, found.identity


def _find(store: Store, name: str) -> _Record | None:
    if store.is_missing_file:  # looking for it would create it
        return None
    store.check_file()
    with store.reading() as connection:
        has_tables = inspect(connection).has_table(GALLERIES.name)
        return _record(connection, name) if has_tables else None


def _create(store: Store, name: str, target: Recorded, dtype: torch.dtype) -> _Record:
    """Returns the new gallery's record, or that of somebody who created it just before."""
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


def _check(found: _Record, place: str, target: Recorded, dtype: torch.dtype | None) -> None:
    if found.dtype not in DTYPES:
        raise HistoryStoreError(
            f"{place} has points of type {found.dtype!r}: it is damaged, or newer than this "
            "program."
        )
    recorded_dtype = DTYPES[found.dtype]
    for argument, recorded, given in (
        ("target", found.target, repr(target)),
        ("target.dim", found.dim, target.dim),
        ("dtype", recorded_dtype, dtype or recorded_dtype),
    ):
        if recorded != given:
            raise ValueError(
                f"`{argument}` must be {recorded}, with which {place} was created, got {given}; "
                "name another `gallery`."
            )
