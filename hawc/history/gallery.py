"""All conditions of a gallery at once: lists, filters, counts, forgetting."""

from collections.abc import Callable, Iterator
from typing import final

from hawc.history.abstract import Recorded
from hawc.history.database import DatabaseHistory
from hawc.history.gallery_record import stored_lengths
from hawc.history.row import Row
from hawc.history.storage.notes import Notes
from hawc.history.storage.opening import Opening
from hawc.history.storage.sequences import Sequence, list_sequences
from hawc.history.storage.store import Store, StoreURL

__all__ = ["Gallery"]


@final
class Gallery:
    """A gallery with all its conditions.

    Iterating yields the rows that are not forgotten, one condition after the other.

    Args:
        url: as for `DatabaseHistory`.
        name: of the gallery.
        create: whether a store or gallery may be missing; its first condition creates it.

    Raises:
        ValueError: if the gallery does not exist and `create` is False.
        HistoryStoreError: if the store cannot be read.
    """

    def __init__(self, url: StoreURL, name: str = "default", *, create: bool = False) -> None:
        self._store = Store(url)
        self._name = name
        Opening(self._store, name).check_gallery(create=create)

    def __repr__(self) -> str:
        return f"Gallery({str(self._store)!r}, {self._name!r})"

    @property
    def name(self) -> str:
        """The gallery's name."""
        return self._name

    @property
    def location(self) -> str:
        """The store's URL with an absolute path, without password and options."""
        return str(self._store)

    def conditions(self) -> dict[str, int]:
        """Returns the conditions, oldest first, with their numbers of rows not forgotten."""
        if self._store.is_missing_file:
            return {}
        with self._store.reading() as connection:
            found = list_sequences(self._store, connection, self._name)
            lengths = stored_lengths(connection) if found else {}
            forgotten = Notes.forgotten_counts(connection, lengths) if _have_notes(found) else {}
        return {s.condition: lengths.get(s.id, 0) - forgotten.get(s.id, 0) for s in found}

    def history(
        self, condition: str = "", target: Recorded | None = None, *, create: bool = False
    ) -> DatabaseHistory:
        """Returns the rows of one condition.

        Args:
            condition: any text.
            target: as for `DatabaseHistory`.
            create: whether a missing condition is created.

        Raises:
            ValueError: if the condition does not exist and `create` is False.
        """
        return DatabaseHistory(
            self._store, target, gallery=self._name, condition=condition, create=create
        )

    def rows(
        self,
        condition: str | None = None,
        *,
        tag: str | None = None,
        where: Callable[[Row], bool] | None = None,
    ) -> Iterator[Row]:
        """Yields the rows that are not forgotten.

        Args:
            condition: of the rows; all conditions if None.
            tag: yields only rows with this tag.
            where: yields only rows for which it returns True.
        """
        for name in self._selected(condition):
            yield from self.history(name).rows(tag=tag, where=where)

    def __iter__(self) -> Iterator[Row]:
        return self.rows()

    def count(self, condition: str | None = None, *, tag: str | None = None) -> int:
        """Returns the number of rows not forgotten, of one condition or all."""
        if tag is not None:
            return sum(1 for _ in self.rows(condition, tag=tag))
        counts = self.conditions()
        return sum(counts[name] for name in self._selected(condition))

    def forget(self, condition: str | None = None) -> int:
        """Forget all rows of one condition, or of all conditions if None.

        Returns:
            The number of rows forgotten now.
        """
        forgotten = 0
        for name in self._selected(condition):
            history = self.history(name)
            ids = [row.id for row in history.rows()]
            history.forget(ids)
            forgotten += len(ids)
        return forgotten

    def _selected(self, condition: str | None) -> list[str]:
        """Returns the names of all conditions, or the one that is given and exists."""
        if condition is None:
            return list(self.conditions())
        return [self.history(condition).condition]


def _have_notes(sequences: list[Sequence]) -> bool:
    """Returns whether the store is not of version 1, which has no notes."""
    return any(sequence.num_features is not None for sequence in sequences)
