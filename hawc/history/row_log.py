"""Notes and times of rows in memory."""

from bisect import bisect_right
from collections.abc import Mapping
from datetime import datetime
from typing import Any, final

from hawc.history.annotation import Annotation, Note

__all__ = ["RowLog"]


@final
class RowLog:
    """What is said of the rows of a history in memory, and when they were recorded."""

    def __init__(self) -> None:
        self._length = 0
        self._batches: list[tuple[int, datetime]] = []  # position of the first row, time
        self._notes: dict[int, list[Note]] = {}

    def append(self, notes: list[Note], time: datetime) -> None:
        """Record a batch of rows with one note each, which may be empty."""
        self._batches.append((self._length, time))
        self.note([(self._length + i, note) for i, note in enumerate(notes) if note])
        self._length += len(notes)

    def note(self, notes: list[tuple[int, Note]]) -> None:
        """Record further notes on rows, each given by its position."""
        for position, note in notes:
            self._notes.setdefault(position, []).append(note)

    def annotations(self, positions: range) -> Mapping[int, Annotation]:
        """Returns what is said of these rows; of other rows nothing is."""
        annotations: dict[int, Annotation] = {}
        for position in positions:
            for note in self._notes.get(position, ()):
                annotations.setdefault(position, Annotation()).add(note)
        return annotations

    def forgotten(self) -> list[int]:
        """Returns the positions of forgotten rows."""
        notes = self._notes.items()
        return [i for i, said in notes if any(note.get("forgotten") for note in said)]

    def created(self, positions: range) -> list[datetime]:
        """Returns the time at which each of these rows was recorded."""
        firsts = [first for first, _ in self._batches]
        return [self._batches[bisect_right(firsts, i) - 1][1] for i in positions]

    def state_dict(self) -> dict[str, Any]:
        """Returns a copy of the notes; with times, checkpoints of equal trainings would differ."""
        return {"notes": {i: [dict(note) for note in notes] for i, notes in self._notes.items()}}

    @classmethod
    def loaded(cls, state: Mapping[str, Any], length: int, time: datetime) -> "RowLog":
        """Returns the log of a state of `length` rows, recorded at `time`."""
        log = cls()
        log._length = length
        log._batches = [(0, time)]
        log._notes = {i: [dict(n) for n in notes] for i, notes in state.get("notes", {}).items()}
        return log
