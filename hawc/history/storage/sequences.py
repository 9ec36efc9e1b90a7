"""The records of sequences of rows: one per gallery, condition and kind."""

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, final

import torch
from sqlalchemy import Connection, Select, insert, select, update
from sqlalchemy.exc import IntegrityError

from hawc.history.abstract import HistoryStoreError
from hawc.history.storage.batches import DTYPES, Batches
from hawc.history.storage.cells import DamagedCellError, check_present
from hawc.history.storage.nearest import excerpt, first_difference, nearest
from hawc.history.storage.schema import upgrade, version_of
from hawc.history.storage.sqlite_connection import LARGEST_CELL
from hawc.history.storage.store import Store
from hawc.history.storage.tables import GALLERIES, SEQUENCES
from hawc.io.files import parse_json
from hawc.printable import shortened

__all__ = [
    "CANDIDATES",
    "SAMPLES",
    "Sequence",
    "add_fingerprint",
    "add_latents",
    "checked_condition",
    "checked_dtype",
    "checked_gallery",
    "create_sequence",
    "default_dtype",
    "describe_sequence",
    "find_sequence",
    "list_sequences",
    "missing",
]

SAMPLES, CANDIDATES = "samples", "candidates"

_DTYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}


@final
@dataclass(frozen=True)
class Sequence:
    """The record of a sequence of rows.

    Args:
        id: its key in the database.
        identity: random text.
        dim: numbers of a row.
        dtype: of the rows, "float32" or "float64".
        target: repr of the description of its rows.
        gallery: the gallery's name.
        condition: any text.
        kind: "samples" or "candidates".
        num_features: how many numbers of a row are features; None where it is not recorded.
        fingerprint: of the target, as JSON.
    """

    id: int
    identity: str
    dim: int
    dtype: str
    target: str
    gallery: str
    condition: str = ""
    kind: str = SAMPLES
    num_features: int | None = None
    fingerprint: str | None = None

    def batches(self, place: str, num_features: int) -> Batches:
        """Returns the batches of the sequence; `place` names it in messages.

        Raises:
            HistoryStoreError: if such rows do not exist.
        """
        self.check(place)
        if not 0 <= num_features <= self.dim:
            raise HistoryStoreError(
                f"{place} is damaged: {num_features} of {self.dim} numbers of a row are features."
            )
        return Batches(self.id, self.dim, num_features, self.dtype, place)

    def check(self, place: str) -> None:
        """Raise HistoryStoreError unless rows can have the recorded dtype and dimension."""
        if self.dtype not in DTYPES:
            raise HistoryStoreError(
                f"{place} has points of type {shortened(self.dtype, 20)!r}: it is damaged, or "
                "newer than this program."
            )
        largest = LARGEST_CELL // DTYPES[self.dtype].itemsize
        if not 1 <= self.dim <= largest:
            raise HistoryStoreError(
                f"{place} is damaged: its points have {self.dim} numbers, and 1 to {largest:,} are "
                "possible."
            )


def checked_gallery(name: object) -> str:
    """Returns the name of a gallery.

    Raises:
        ValueError: if it is not 1 to 100 printable characters.
    """
    if not (isinstance(name, str) and name.isprintable() and 1 <= len(name) <= 100):
        given = excerpt(name) if isinstance(name, str) else repr(name)
        raise ValueError(f"`gallery` must be 1 to 100 printable characters, got {given}.")
    return name


def checked_condition(condition: object) -> str:
    """Returns the condition, any text.

    Raises:
        ValueError: if it is no text, not valid UTF-8 or contains NUL.
    """
    if not isinstance(condition, str):
        raise ValueError(f"`condition` must be text, got {type(condition).__name__}.")
    if "\0" in condition or any("\ud800" <= letter <= "\udfff" for letter in condition):
        raise ValueError(
            f"`condition` must be valid UTF-8 without null characters, got {excerpt(condition)}."
        )
    return condition


def checked_dtype(dtype: torch.dtype | None) -> str | None:
    """Returns the name of a dtype of rows.

    Raises:
        ValueError: if such rows cannot be stored.
    """
    if dtype is not None and dtype not in _DTYPE_NAMES:
        raise ValueError(f"`dtype` must be torch.float32 or torch.float64, got {dtype!r}.")
    return None if dtype is None else _DTYPE_NAMES[dtype]


def default_dtype() -> str:
    """Returns the name of torch's default dtype.

    Raises:
        ValueError: if such rows cannot be stored.
    """
    dtype = torch.get_default_dtype()
    if dtype not in _DTYPE_NAMES:
        raise ValueError(
            "`dtype` must be torch.float32 or torch.float64 for a new gallery, got None where "
            f"torch's default is {dtype}."
        )
    return _DTYPE_NAMES[dtype]


def find_sequence(
    store: Store, connection: Connection, gallery: str, condition: str, kind: str = SAMPLES
) -> Sequence | None:
    """Returns the record of a sequence, or None if there is none."""
    version = version_of(store, connection)
    if version == 0:
        return None
    query = _query(version).where(GALLERIES.c.name == _name(gallery, condition, kind))
    row = connection.execute(query).first()
    return None if row is None else _sequence(row)


def list_sequences(
    store: Store, connection: Connection, gallery: str | None = None
) -> list[Sequence]:
    """Returns the sequences of samples, of one gallery or all, oldest first."""
    version = version_of(store, connection)
    if version == 0:
        return []
    rows = connection.execute(_query(version).order_by(GALLERIES.c.id))
    records = [_sequence(row) for row in rows]
    wanted = (record for record in records if record.kind == SAMPLES)
    return [record for record in wanted if gallery in (None, record.gallery)]


def create_sequence(store: Store, connection: Connection, new: Sequence) -> Sequence:
    """Returns the record of a new sequence, or that of a faster process.

    Args:
        store: of the sequence.
        connection: within a transaction.
        new: describes it; its id and identity are not used.
    """
    upgrade(store, connection)
    found = find_sequence(store, connection, new.gallery, new.condition, new.kind)
    if found is not None:
        return found
    name = _name(new.gallery, new.condition, new.kind)
    values = {"name": name, "dim": new.dim, "dtype": new.dtype, "target": new.target}
    result = connection.execute(insert(GALLERIES).values(values))
    assert result.inserted_primary_key is not None
    key = int(result.inserted_primary_key[0])
    describe_sequence(connection, replace(new, id=key), new.num_features or 0)
    created = find_sequence(store, connection, new.gallery, new.condition, new.kind)
    assert created is not None  # just written
    return created


def describe_sequence(connection: Connection, sequence: Sequence, num_features: int) -> None:
    """Record condition and features of a sequence, unless another process has done so."""
    values = {
        "gallery_id": sequence.id,
        "gallery": sequence.gallery,
        "condition": json.dumps(sequence.condition),
        "kind": sequence.kind,
        "num_features": num_features,
        "fingerprint": sequence.fingerprint,
    }
    with suppress(IntegrityError), connection.begin_nested():
        connection.execute(insert(SEQUENCES).values(values))


def add_fingerprint(connection: Connection, sequence: Sequence, fingerprint: str) -> None:
    """Record the fingerprint of a target that has none, as in version 1."""
    missing_one = (SEQUENCES.c.gallery_id == sequence.id, SEQUENCES.c.fingerprint.is_(None))
    connection.execute(update(SEQUENCES).where(*missing_one).values(fingerprint=fingerprint))


def add_latents(
    connection: Connection, sequence: Sequence, dim: int, target: str, fingerprint: str | None
) -> None:
    """Change the record of features alone, so that new rows may begin with a latent.

    Its rows stay as they are. This and `add_fingerprint` are the only changes of a record.
    """
    key = GALLERIES.c.id == sequence.id
    connection.execute(update(GALLERIES).where(key).values(dim=dim, target=target))
    described = SEQUENCES.c.gallery_id == sequence.id
    connection.execute(update(SEQUENCES).where(described).values(fingerprint=fingerprint))


def missing(argument: str, where: str, name: str, others: Iterable[str]) -> ValueError:
    """Returns the error of a missing gallery or condition, with the nearest names."""
    near = nearest(name, others, 3)
    place = first_difference(name, near[0]) if near else 0
    names = ", ".join(excerpt(other, place) for other in near)
    return ValueError(
        f"`{argument}` must name one of {where}, got {excerpt(name, place)}"
        f"{'; the nearest are ' + names if near else ''}. To create it, pass create=True."
    )


def _name(gallery: str, condition: str, kind: str) -> str:
    """Returns the unique name of a sequence; names of galleries contain no tab."""
    if condition == "" and kind == SAMPLES:
        return gallery  # as in version 1
    return f"{gallery}\t{hashlib.sha256(condition.encode()).hexdigest()}\t{kind}"


def _query(version: int) -> Select[Any]:
    columns = [GALLERIES.c[name] for name in ("id", "identity", "dim", "dtype", "target", "name")]
    if version < 2:
        return select(*columns)
    names = ("gallery", "condition", "kind", "num_features", "fingerprint")
    columns += [SEQUENCES.c[name] for name in names]
    return select(*columns).outerjoin(SEQUENCES, SEQUENCES.c.gallery_id == GALLERIES.c.id)


def _sequence(row: Any) -> Sequence:
    first = (row.id, row.identity, row.dim, row.dtype, row.target)
    check_present(**dict(zip(("id", "identity", "dim", "dtype", "target"), first, strict=True)))
    check_present(name=row.name)
    if len(row) == 6 or row.gallery is None:  # of version 1, nothing was written to it since
        return Sequence(*first, gallery=row.name)
    check_present(condition=row.condition, kind=row.kind, num_features=row.num_features)
    try:
        condition = checked_condition(parse_json(row.condition))
    except ValueError as error:
        raise DamagedCellError(f"a condition is not valid: {shortened(str(error), 100)}") from error
    return Sequence(*first, row.gallery, condition, row.kind, row.num_features, row.fingerprint)
