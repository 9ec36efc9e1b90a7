"""`gallery list`: the galleries of a store and their conditions."""

import argparse
from datetime import datetime

from sqlalchemy import func, select

from hawc.gallery_commands.place import records_of
from hawc.gallery_commands.table import table
from hawc.history import Gallery, GalleryRecord
from hawc.history.storage.sequences import list_sequences
from hawc.history.storage.store import Store
from hawc.history.storage.tables import BATCHES

__all__ = ["list_galleries"]

_HEADS = ("GALLERY", "IMAGES", "NUMBERS", "FIRST (UTC)", "LAST (UTC)", "CONDITION")
_Dates = tuple[datetime, datetime]


def list_galleries(options: argparse.Namespace) -> None:
    """Prints a line for each condition of each gallery, oldest first.

    Forgotten images do not count. NUMBERS is how many a row has: latent, features or both.
    """
    records = records_of(options.url)
    if not records:
        print("no galleries")
        return
    names = {record.name for record in records}
    counts = {name: Gallery(options.url, name).conditions() for name in names}
    dates = _dates(options.url)
    rows = [
        _cells(record, counts[record.name], dates.get((record.name, record.condition)))
        for record in records
    ]
    for line in table(_HEADS, rows):
        print(line)


def _cells(record: GalleryRecord, counts: dict[str, int], dates: _Dates | None) -> list[str]:
    count = counts.get(record.condition, 0)
    days = ["", ""] if dates is None else [f"{date:%Y-%m-%d %H:%M}" for date in dates]
    return [record.name, f"{count:,}", f"{record.dim:,}", *days, record.condition]


def _dates(url: str) -> dict[tuple[str, str], _Dates]:
    """Returns the times of the first and the last batch by gallery and condition."""
    store = Store(url)
    times = func.min(BATCHES.c.created), func.max(BATCHES.c.created)
    query = select(BATCHES.c.gallery_id, *times).group_by(BATCHES.c.gallery_id)
    with store.reading() as connection:
        places = {s.id: (s.gallery, s.condition) for s in list_sequences(store, connection)}
        batches = [tuple(row) for row in connection.execute(query)]
    return {places[id]: (first, last) for id, first, last in batches if id in places}
