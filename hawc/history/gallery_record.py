"""The records of a store's galleries and conditions."""

from dataclasses import dataclass
from typing import final

from sqlalchemy import BigInteger, Connection, cast, func, select

from hawc.history.storage.sequences import list_sequences
from hawc.history.storage.store import Store, StoreURL
from hawc.history.storage.tables import BATCHES

__all__ = ["GalleryRecord", "galleries", "stored_lengths"]


@final
@dataclass(frozen=True)
class GalleryRecord:
    """The record of one condition of a gallery.

    Args:
        name: of the gallery, as given to `DatabaseHistory`.
        dim: number of coordinates of a point.
        dtype: of the points, "float32" or "float64".
        target: the `repr` of the points' distribution.
        length: number of points, with forgotten ones.
        condition: as given to `DatabaseHistory`.
    """

    name: str
    dim: int
    dtype: str
    target: str
    length: int
    condition: str = ""


def galleries(url: StoreURL) -> list[GalleryRecord]:
    """Returns one record per gallery and condition, oldest first; creates nothing.

    Args:
        url: as for `DatabaseHistory`.

    Raises:
        ValueError: if the URL is not valid or names a missing file.
        HistoryStoreError: if the store cannot be read.
    """
    store = Store(url)
    if store.is_missing_file:
        raise ValueError(f"`url` must name a store that exists, got {store}: no such file.")
    with store.reading() as connection:
        sequences = list_sequences(store, connection)
        lengths = stored_lengths(connection) if sequences else {}
    return [
        GalleryRecord(s.gallery, s.dim, s.dtype, s.target, lengths.get(s.id, 0), s.condition)
        for s in sequences
    ]


def stored_lengths(connection: Connection) -> dict[int, int]:
    """Returns the number of rows by key of each sequence that has any."""
    length = cast(func.sum(BATCHES.c.size), BigInteger)  # else a decimal
    query = select(BATCHES.c.gallery_id, length).group_by(BATCHES.c.gallery_id)
    return {row[0]: row[1] for row in connection.execute(query)}
