"""Features of candidates in a database, shared by the processes of one condition."""

from dataclasses import replace
from typing import final

import torch
from jaxtyping import Float
from sqlalchemy import Connection
from torch import Tensor

from hawc.history.abstract import MAX_CANDIDATES
from hawc.history.point_buffer import PointBuffer
from hawc.history.storage.batches import Batches
from hawc.history.storage.sequences import CANDIDATES, Sequence, create_sequence, find_sequence
from hawc.history.storage.store import Store
from hawc.history.storage.stored_rows import StoredRows
from hawc.threads import ThreadLock

__all__ = ["Candidates"]


@final
class Candidates:
    """The features of the first `MAX_CANDIDATES` candidates of a condition.

    Args:
        store: holds them.
        rows: the samples of the condition; candidates are written in their transactions.
    """

    def __init__(self, store: Store, rows: StoredRows) -> None:
        self._store = store
        self._rows = rows
        self._batches: Batches | None = None
        self._buffer = PointBuffer(rows.num_features, rows.batches.dtype)
        self._lock = ThreadLock()

    def read(self) -> Float[Tensor, "m f"]:
        """Returns all of them, read-only."""
        with self._lock, self._rows.access.reading() as connection:
            batches = self._found(connection)
            if batches is None or len(self._buffer) >= MAX_CANDIDATES:
                return self._buffer.view()
            new = list(batches.read(connection, len(self._buffer)))
            if self._rows.access.committed is not None:  # they may be rolled back
                return torch.cat([self._buffer.view(), *new])
            for batch in new:
                self._buffer.append(batch)
            return self._buffer.view()

    def add(self, features: Float[Tensor, "m f"]) -> None:
        """Keep as many of them as there is room for."""
        if len(features) == 0 or len(self.read()) >= MAX_CANDIDATES:
            return
        with self._rows.writing() as connection:
            batches = self._found(connection) or self._created(connection)
            self._rows.length(connection)  # as rows cannot be added to a deleted gallery either
            length = batches.length(connection)
            kept = features[: max(MAX_CANDIDATES - length, 0)]
            if len(kept) > 0:
                batches.insert(connection, kept, length)

    def _found(self, connection: Connection) -> Batches | None:
        if self._batches is not None:
            return self._batches
        own = self._rows.sequence
        found = find_sequence(self._store, connection, own.gallery, own.condition, CANDIDATES)
        batches = None if found is None else self._batches_of(found)
        if self._rows.access.committed is None:  # else it may be rolled back
            self._batches = batches
        return batches

    def _created(self, connection: Connection) -> Batches:
        num_features = self._rows.num_features
        new = replace(
            self._rows.sequence,
            dim=num_features,
            target=f"Candidates(dim={num_features})",
            kind=CANDIDATES,
            num_features=num_features,
            fingerprint=None,
        )
        return self._batches_of(create_sequence(self._store, connection, new))

    def _batches_of(self, sequence: Sequence) -> Batches:
        place = f"the candidates of {self._rows.batches.place}"
        return sequence.batches(place, self._rows.num_features)
