"""Notes on rows in the database: seeds, metadata, tags, forgetting; only added."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import final

from sqlalchemy import Connection, Select, func, insert, select

from hawc.history.annotation import Annotation, Note, check_note
from hawc.history.storage.cells import DamagedCellError, check_present
from hawc.history.storage.tables import NOTES
from hawc.io.files import parse_json
from hawc.printable import shortened

__all__ = ["Notes"]

_LARGEST = 2**63 - 1
_LARGEST_NOTE = 2**22  # characters; read, it takes up to 30 times as much memory


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
        self, connection: Connection, length: int, after: int = 0, last: int = _LARGEST
    ) -> list[tuple[int, int]]:
        """Returns (number, position) of notes that forget, after `after` and up to `last`.

        Args:
            connection: to read from.
            length: number of rows; notes are on these.
            after: number of a note.
            last: number of a note.
        """
        query = select(NOTES.c.id, NOTES.c.position, NOTES.c.note).where(
            NOTES.c.gallery_id == self.key,
            NOTES.c.id > after,
            NOTES.c.id <= last,
            NOTES.c.note.contains('"forgotten"'),  # metadata may contain it too
        )
        rows = connection.execute(query.order_by(NOTES.c.id))
        found = [(row.id, row.position) for row in rows if _forgets(row.note)]
        _check_positions((position for _, position in found), length)
        return found

    @staticmethod
    def forgotten_counts(connection: Connection, lengths: Mapping[int, int]) -> dict[int, int]:
        """Returns the number of forgotten rows by key of each sequence that has any.

        Args:
            connection: to read from.
            lengths: numbers of rows by key.
        """
        query = select(NOTES.c.gallery_id, NOTES.c.position, NOTES.c.note)
        rows = connection.execute(query.where(NOTES.c.note.contains('"forgotten"')))
        found = {(row[0], row[1]) for row in rows if _forgets(row[2])}
        for key, position in found:
            _check_positions([position], lengths.get(key, 0))
        return Counter(key for key, _ in found)

    def annotations(self, connection: Connection, positions: range) -> dict[int, Annotation]:
        """Returns what is said of these rows; of other rows nothing is."""
        query = select(NOTES.c.position, NOTES.c.note).where(
            NOTES.c.gallery_id == self.key,
            NOTES.c.position >= positions.start,
            NOTES.c.position < positions.stop,
        )
        notes: dict[int, list[Note]] = defaultdict(list)
        for position, note in connection.execute(query.order_by(NOTES.c.id)):
            notes[position].append(_parsed(note))
        return {position: Annotation.of(*said) for position, said in notes.items()}

    def insert(self, connection: Connection, notes: Iterable[tuple[int, Note]]) -> None:
        """Record notes on rows, each given by its position.

        Raises:
            ValueError: if a note is too long.
        """
        texts = [(position, json.dumps(note)) for position, note in notes]
        longest = max((len(text) for _, text in texts), default=0)
        if longest > _LARGEST_NOTE:
            raise ValueError(
                f"`metadata` and tags of a row must have at most {_LARGEST_NOTE:,} characters as "
                f"JSON, got {longest:,}; record the name of a file instead."
            )
        if texts:
            values = [{"gallery_id": self.key, "position": i, "note": text} for i, text in texts]
            connection.execute(insert(NOTES), values)


def _forgets(note: str) -> bool:
    return bool(_parsed(note).get("forgotten", False))


def _parsed(text: str) -> Note:
    """Returns a note, which may be of a stranger's file.

    Raises:
        DamagedCellError: if the text is none.
    """
    check_present(note=text)
    if len(text) > _LARGEST_NOTE:
        raise DamagedCellError(f"a note has more than {_LARGEST_NOTE:,} characters")
    try:
        note = parse_json(text)
        check_note(note)
    except ValueError as error:
        raise DamagedCellError(f"a note is not valid: {shortened(str(error), 100)}") from error
    return dict(note)


def _check_positions(positions: Iterable[int], length: int) -> None:
    """Raise DamagedCellError unless notes are on rows that exist."""
    for position in positions:
        check_present(position=position)
        if not 0 <= position < length:
            raise DamagedCellError(f"a note is on row {position}, of {length:,} rows")
