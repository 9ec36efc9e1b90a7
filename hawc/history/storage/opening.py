"""Opening a condition of a gallery, or saying what does not exist."""

from dataclasses import replace
from typing import final

import torch

from hawc.history.abstract import Recorded, check_dimension
from hawc.history.identity import (
    current_form,
    difference,
    fingerprint_text,
    gives_latents,
    num_features_in,
    num_features_of,
    shown,
)
from hawc.history.storage.nearest import excerpt, nearest
from hawc.history.storage.sequences import (
    Sequence,
    add_latents,
    checked_condition,
    checked_dtype,
    checked_gallery,
    create_sequence,
    default_dtype,
    describe_sequence,
    find_sequence,
    list_sequences,
    missing,
)
from hawc.history.storage.store import Store
from hawc.history.storage.stored_rows import StoredRows
from hawc.printable import shortened

__all__ = ["Opening"]

_SHOWN = 300  # columns of a recorded target in a message


@final
class Opening:
    """Finds and creates the record of one condition of a gallery.

    Args:
        store: holds the gallery.
        gallery: name of the gallery.
        condition: any text.
        dtype: required of the rows; any if None.

    Raises:
        ValueError: if a name or `dtype` is not valid.
    """

    def __init__(
        self,
        store: Store,
        gallery: str,
        condition: str = "",
        dtype: torch.dtype | None = None,
    ) -> None:
        self.store = store
        self.gallery = checked_gallery(gallery)
        self.condition = checked_condition(condition)
        self._dtype = checked_dtype(dtype)

    @property
    def place(self) -> str:
        """The name of the rows in messages."""
        condition = f", condition {excerpt(self.condition)}," if self.condition else ""
        return f"gallery {self.gallery!r}{condition} at {self.store}"

    def find(self, *, create: bool) -> Sequence | None:
        """Returns the record, or None if there is none.

        Raises:
            ValueError: if there is none and `create` is False, or the record has another dtype.
            HistoryStoreError: if the store cannot be read.
        """
        if self.store.is_missing_file:  # connecting would create it
            if not create:
                raise self._missing_file()
            self.store.check_creatable()  # rather than after hours of decoding
            return None
        self.store.check_file()
        with self.store.reading() as connection:
            found = find_sequence(self.store, connection, self.gallery, self.condition)
            if found is None and not create:
                raise self._missing(list_sequences(self.store, connection))
        if found is not None:
            self._check(found)
        return found

    def check_gallery(self, *, create: bool) -> None:
        """Raise ValueError if the gallery has no condition, unless `create` is True."""
        if self.store.is_missing_file:
            if not create:
                raise self._missing_file()
            self.store.check_creatable()
            return
        with self.store.reading() as connection:
            sequences = list_sequences(self.store, connection)
        if not create and self.gallery not in {sequence.gallery for sequence in sequences}:
            raise self._missing(sequences)

    def create(self, rows: Recorded) -> Sequence:
        """Returns the record of new rows, or that of another process that was faster."""
        new = Sequence(
            id=0,
            identity="",
            dim=rows.dim,
            dtype=self._dtype or default_dtype(),
            target=repr(rows),
            gallery=self.gallery,
            condition=self.condition,
            num_features=num_features_of(rows),
            fingerprint=fingerprint_text(rows),
        )
        with self.store.writing() as connection:
            self.store.lock(connection)
            created = create_sequence(self.store, connection, new)
            # of version 1: its features count for the other conditions from now on
            old = find_sequence(self.store, connection, self.gallery, "")
            if old is not None and old.num_features is None and self._is_same(old, rows):
                same = replace(old, fingerprint=fingerprint_text(rows))
                describe_sequence(connection, same, num_features_of(rows))
        self._check(created)
        return created

    def rows(self, sequence: Sequence, given: Recorded | None = None) -> StoredRows:
        """Returns access to the rows of a record, which may be opened with a description."""
        num_features = sequence.num_features
        if num_features is None:
            num_features = (
                num_features_in(sequence.target) if given is None else num_features_of(given)
            )
        return StoredRows(self.store, sequence, num_features, self.place)

    def widened(self, sequence: Sequence, rows: Recorded) -> Sequence:
        """Returns the record for these rows, which may add latents to features alone.

        Raises:
            HistoryStoreError: if the record must be changed and cannot be written.
        """
        if not self._gives_latents(sequence, rows):
            return sequence
        with self.store.writing() as connection:
            self.store.lock(connection, sequence.id)
            present = find_sequence(self.store, connection, self.gallery, self.condition)
            if present is not None and self._gives_latents(present, rows):
                add_latents(connection, present, rows.dim, repr(rows), fingerprint_text(rows))
                present = find_sequence(self.store, connection, self.gallery, self.condition)
        return sequence if present is None else present

    def check_target(self, sequence: Sequence, given: Recorded) -> None:
        """Raise ValueError unless the `target` given to open the rows is the recorded one."""
        created = f"with which {self.place} was created"
        match difference(sequence.target, sequence.fingerprint, given):
            case "distribution":
                recorded = shortened(current_form(sequence.target), _SHOWN)
                raise ValueError(
                    f"`target` must be {recorded}, {created}, got {given}; name another `gallery`."
                )
            case "numbers":
                recorded = shortened(shown(sequence.target), _SHOWN)
                raise ValueError(
                    f"`target` must have the numbers of {recorded}, {created}, got "
                    f"others: {_reason(sequence)}; name another `gallery`."
                )
        if sequence.dim != given.dim:
            raise ValueError(
                f"`target.dim` must be {sequence.dim}, {created}, got {given.dim}; name another "
                "`gallery`."
            )

    def check_rows(self, sequence: Sequence, given: Recorded) -> None:
        """Raise ValueError unless the rows of a sampler are the recorded ones."""
        check_dimension(sequence.dim, given)
        match difference(sequence.target, sequence.fingerprint, given):
            case "distribution":
                raise ValueError(
                    f"`history` must be a gallery of {given}, got {self.place} of "
                    f"{shortened(current_form(sequence.target), _SHOWN)}; name another gallery. If "
                    "both are one "
                    "distribution under two names, assign the gallery to the sampler's attribute "
                    "`history`."
                )
            case "numbers":
                raise ValueError(
                    f"`history` must have the numbers of {shown(repr(given))}, got {self.place} of "
                    f"others: {_reason(sequence)}; name another gallery."
                )

    def _is_same(self, sequence: Sequence, rows: Recorded) -> bool:
        same_dim = sequence.dim == rows.dim
        return same_dim and difference(sequence.target, sequence.fingerprint, rows) is None

    def _gives_latents(self, sequence: Sequence, rows: Recorded) -> bool:
        num_features = sequence.num_features or 0
        return gives_latents(sequence.dim, num_features, sequence.target, rows)

    def _check(self, found: Sequence) -> None:
        found.check(self.place)
        if self._dtype not in (None, found.dtype):
            raise ValueError(
                f"`dtype` must be torch.{found.dtype}, with which {self.place} was created, got "
                f"torch.{self._dtype}; name another `gallery`."
            )

    def _missing_file(self) -> ValueError:
        near = nearest(self.store.file_name, self.store.neighbors(), 3)
        there = f"; the nearest there are {', '.join(near)}" if near else ""
        return ValueError(
            f"`url` must name a store that exists, got {self.store}: no such file{there}. To "
            "create it, pass create=True."
        )

    def _missing(self, sequences: list[Sequence]) -> ValueError:
        galleries = {sequence.gallery for sequence in sequences}
        if self.gallery not in galleries:
            where = f"the galleries of {self.store}"
            return missing("gallery", where, self.gallery, sorted(galleries))
        conditions = [s.condition for s in sequences if s.gallery == self.gallery]
        where = f"the conditions of gallery {self.gallery!r} at {self.store}"
        return missing("condition", where, self.condition, conditions)


def _reason(sequence: Sequence) -> str:
    """Returns why a target has other numbers than the recorded one."""
    others = "other data, or features of another network"
    if sequence.fingerprint is not None:
        return others
    return (
        f"{others}, or the same in another rounding, which this old gallery cannot tell (if so, "
        "assign it to the sampler's attribute `history`)"
    )
