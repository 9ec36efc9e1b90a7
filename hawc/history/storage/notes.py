"""Notes on rows in the database: seeds, metadata, tags, forgetting; only added."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

from sqlalchemy import Connection, Select, func, insert, select

from hawc.history.annotation import Annotation, Note
from hawc.history.storage.tables import NOTES

__all__ = ["Notes"]

_LARGEST = 2**63 - 1


@final
@dataclass(frozen=True)
class Notes:
    """The notes on the rows of one sequence.

    Args:
        key: of the sequence, in `hawc_galleries`.
    """

    key: int

    def newest(self) -> Select[tuple[int]]:
        """Returns a query of the number of the newest note, NULL if there is none."""
        return select(func.max(NOTES.c.id)).where(NOTES.c.gallery_id == self.key)

    def forgotten(
        self, connection: Connection, after: int = 0, last: int = _LARGEST
    ) -> list[tuple[int, int]]:
        """Returns (number, position) of notes that forget, after `after` and up to `last`."""
        query = select(NOTES.c.id, NOTES.c.position, NOTES.c.note).where(
            NOTES.c.gallery_id == self.key,
            NOTES.c.id > after,
            NOTES.c.id <= last,
            NOTES.c.note.contains('"forgotten"'),  # metadata may contain it too
        )
        rows = connection.execute(query.order_by(NOTES.c.id))
        return [(int(row.id), int(row.position)) for row in rows if _forgets(row.note)]

    @staticmethod
    def forgotten_counts(connection: Connection) -> dict[int, int]:
        """Returns the number of forgotten rows by key of each sequence that has any."""
        query = select(NOTES.c.gallery_id, NOTES.c.position, NOTES.c.note)
        rows = connection.execute(query.where(NOTES.c.note.contains('"forgotten"')))
        return Counter(key for key, _ in {(r[0], r[1]) for r in rows if _forgets(r[2])})

    def annotations(self, connection: Connection, positions: range) -> dict[int, Annotation]:
        """Returns what is said of these rows; of other rows nothing is."""
        query = select(NOTES.c.position, NOTES.c.note).where(
            NOTES.c.gallery_id == self.key,
            NOTES.c.position >= positions.start,
            NOTES.c.position < positions.stop,
        )
        annotations: dict[int, Annotation] = defaultdict(Annotation)
        for position, note in connection.execute(query.order_by(NOTES.c.id)):
            annotations[position].add(json.loads(note))
        return annotations

    def insert(self, connection: Connection, notes: Iterable[tuple[int, Note]]) -> None:
        """Record notes on rows, each given by its position."""
        values = [
            {"gallery_id": self.key, "position": position, "note": json.dumps(note)}
            for position, note in notes
        ]
        if values:
            connection.execute(insert(NOTES), values)


def _forgets(note: str) -> bool:
    return bool(json.loads(note).get("forgotten", False))
