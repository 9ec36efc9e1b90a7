"""Histories whose rows can be listed, tagged, annotated and forgotten."""

import operator
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any, SupportsIndex

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from hawc.history.abstract import AbstractHistory, checked_points
from hawc.history.annotation import Annotation, Note, checked_metadata, checked_tags, row_notes
from hawc.history.positions import Ids, checked_ids
from hawc.history.row import Row
from hawc.points import ArrayLike

__all__ = ["AnnotatedHistory"]

_PAGE = 1000  # rows whose notes are read at once


class AnnotatedHistory(AbstractHistory):
    """A history of rows with seeds, metadata and tags.

    `history[i]` is row i, and iterating yields the rows that are not forgotten. The number of a row
    is its `id`; it never changes.
    """

    @property
    def gallery(self) -> str:
        """The gallery's name."""
        return ""

    @property
    def condition(self) -> str:
        """The condition of all rows, such as a prompt."""
        return ""

    def add(
        self,
        features: Shaped[Tensor, "k f"] | ArrayLike,
        *,
        seeds: Iterable[SupportsIndex] | None = None,
        metadata: Iterable[Mapping[str, Any]] | Mapping[str, Any] | None = None,
        tags: Iterable[str] = (),
        generator_name: str | None = None,
        expected_length: int | None = None,
    ) -> range:
        """Record images made elsewhere by their features alone, completely or not at all.

        Their latents are NaN in `view` and `points`, and None in a `Row`.

        Args:
            features: finite real numbers, k >= 1 rows.
            seeds: one per image, from which a generator can make it again.
            metadata: one JSON object per image, or one for all.
            tags: of all these images.
            generator_name: the user's name of the generator.
            expected_length: number of rows that the caller chose against; any if None.

        Returns:
            The ids of the new rows.

        Raises:
            ValueError: if an argument has another shape or kind, or the rows have no features.
            HistoryConflictError: if the history now holds another number of rows.
        """
        given = checked_points(features, self.num_features or None, name="features")
        said = {"seeds": seeds, "metadata": metadata, "tags": tags}
        notes = row_notes(len(given), generator_name=generator_name, **said)
        return self._record(self._checked_features(given), expected_length, notes)

    def __getitem__(self, index: SupportsIndex) -> Row:
        view = self.view()
        number = operator.index(index)
        if not -len(view) <= number < len(view):
            held = f"0 to {len(view) - 1}" if len(view) else "none yet"
            raise IndexError(f"row {number} does not exist; the rows are {held}.")
        position = number % len(view)
        (row,) = self._page(view, range(position, position + 1)) or (None,)
        if row is None:
            raise ValueError(f"row {position} is forgotten; other rows can be read.")
        return row

    def __iter__(self) -> Iterator[Row]:
        return self.rows()

    def rows(
        self, *, tag: str | None = None, where: Callable[[Row], bool] | None = None
    ) -> Iterator[Row]:
        """Yields the rows that are not forgotten, oldest first.

        Args:
            tag: yields only rows with this tag.
            where: yields only rows for which it returns True.
        """
        view = self.view()
        for first in range(0, len(view), _PAGE):
            for row in self._page(view, range(first, min(first + _PAGE, len(view)))):
                if (tag is None or tag in row.tags) and (where is None or where(row)):
                    yield row

    def count(self, tag: str | None = None) -> int:
        """Returns the number of rows that are not forgotten, of all or with a tag."""
        if tag is not None:
            return sum(1 for _ in self.rows(tag=tag))
        view = self.view()
        return len(view) - int(view[:, -1:].isnan().sum())

    def tag(self, ids: Ids, *tags: str) -> None:
        """Give rows further tags.

        Raises:
            ValueError: if a row does not exist or is forgotten, or a tag is not text.
        """
        self._say(ids, {"tags": checked_tags(tags)})

    def untag(self, ids: Ids, *tags: str) -> None:
        """Remove tags from rows; a tag that a row does not have is ignored.

        Raises:
            ValueError: if a row does not exist or is forgotten, or a tag is not text.
        """
        self._say(ids, {"untag": checked_tags(tags)})

    def annotate(
        self,
        ids: Ids,
        metadata: Iterable[Mapping[str, Any]] | Mapping[str, Any],
    ) -> None:
        """Merge JSON objects into the metadata of rows.

        Args:
            ids: of the rows.
            metadata: one JSON object per row, or one for all; its values replace earlier ones.

        Raises:
            ValueError: if a row does not exist or is forgotten, or JSON cannot express a value.
        """
        positions = checked_ids(ids, self.view())
        merged = checked_metadata(metadata, len(positions))
        self._note([(i, {"metadata": data}) for i, data in zip(positions, merged, strict=True)])

    def forget(self, ids: Ids) -> None:
        """Replace rows by NaN for all who share the history; ids and length do not change.

        A store keeps the numbers, but shows them to no one. An export leaves them out.

        Raises:
            ValueError: if a row does not exist.
        """
        view = self.view()
        new = [i for i in checked_ids(ids, view, forgotten=True) if not view[i, -1].isnan()]
        self._note([(position, {"forgotten": True}) for position in new])

    @abstractmethod
    def annotations(self, positions: range) -> Mapping[int, Annotation]:
        """Returns seeds, metadata and tags of these rows; rows without any may lack."""

    def restore(self, rows: Float[Tensor, "n d"], annotations: Mapping[int, Annotation]) -> None:
        """Record rows as `view` gives them in an empty history, completely or not at all.

        Args:
            rows: finite but for absent latents and forgotten rows.
            annotations: of the rows, by position.

        Raises:
            ValueError: if a row is neither finite nor one of these.
            HistoryConflictError: if the history is not empty.
        """
        width = rows.shape[1] - self.num_features
        forgotten = rows[:, -1:].isnan().all(dim=1)
        alone = rows[:, :width].isnan().all(dim=1) & ~forgotten & (width > 0)
        kept = torch.where(forgotten[:, None], 0, rows)  # a store takes no NaN
        kept[alone, :width] = 0
        kept = checked_points(kept, self.dim, self._stored_dtype)
        with self.exclusive():
            for first, end in _runs(alone.tolist()):
                batch = kept[first:end, width:] if alone[first] else kept[first:end]
                notes = [_note_of(annotations.get(i)) for i in range(first, end)]
                self._record(batch, first, notes)
            self._note([(i, {"forgotten": True}) for i in forgotten.nonzero().flatten().tolist()])

    def _say(self, ids: Ids, note: Note) -> None:
        self._note([(position, note) for position in checked_ids(ids, self.view())])

    def _page(self, view: Float[Tensor, "n d"], positions: range) -> list[Row]:
        """Returns those of some rows that are not forgotten."""
        annotations = self.annotations(positions)
        created = self._created(positions)
        width = self.dim - self.num_features
        rows = []
        for position, time in zip(positions, created, strict=True):
            said = annotations.get(position, Annotation())
            numbers = view[position]
            if said.is_forgotten or numbers[-1].isnan():
                continue
            has_latent = width > 0 and not numbers[0].isnan()
            rows.append(
                Row(
                    id=position,
                    gallery=self.gallery,
                    condition=self.condition,
                    latent=numbers[:width].clone() if has_latent else None,
                    features=numbers[width:].clone() if self.num_features else None,
                    seed=said.seed,
                    generator_name=said.generator_name,
                    metadata=said.metadata,
                    tags=said.tags,
                    created=time,
                )
            )
        return rows

    def _checked_features(
        self, features: Shaped[Tensor, "k f"] | ArrayLike
    ) -> Float[Tensor, "k f"]:
        """Returns features in the stored dtype; a history without rows is bound to them.

        Raises:
            ValueError: if they are not finite, or others than those of the history's rows.
        """
        if self.dim == 0:
            from hawc.samplers.features import Features  # imports this package

            batch = checked_points(features, None, name="features")
            self.bind(Features(batch.shape[1]))
        if self.num_features == 0:
            raise ValueError(
                f"`history` must hold rows with features, got {self} of points; describe its rows "
                "by hawc.samplers.LatentsWithFeatures or hawc.samplers.Features."
            )
        return checked_points(features, self.num_features, self._stored_dtype, name="features")

    @property
    @abstractmethod
    def _stored_dtype(self) -> torch.dtype | None:
        """The dtype of the rows; None before the first ones."""

    @abstractmethod
    def _record(
        self, batch: Float[Tensor, "k w"], expected_length: int | None, notes: list[Note]
    ) -> range:
        """Record checked rows, or features alone, with one note each, which may be empty.

        Returns:
            Their ids.
        """

    @abstractmethod
    def _created(self, positions: range) -> list[datetime]:
        """Returns the time at which each of these rows was recorded."""

    @abstractmethod
    def _note(self, notes: list[tuple[int, Note]]) -> None:
        """Record notes on rows, each given by its position; all or none."""


def _runs(values: list[bool]) -> Iterator[tuple[int, int]]:
    """Yields begin and end of each run of equal values."""
    first = 0
    for _, run in groupby(values):
        end = first + sum(1 for _ in run)
        yield first, end
        first = end


def _note_of(annotation: Annotation | None) -> Note:
    """Returns one note that says all of an annotation; of a forgotten row nothing."""
    if annotation is None or annotation.is_forgotten:
        return {}
    return annotation.note()
