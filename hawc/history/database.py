"""A durable history in SQLite or PostgreSQL, shared by processes."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from typing import Any, final

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from hawc.history.abstract import HistoryStoreError, Recorded, check_recorded, checked_points
from hawc.history.annotated import AnnotatedHistory
from hawc.history.annotation import Annotation, Note, row_notes
from hawc.history.identity import current_form, fingerprint_text
from hawc.history.storage.candidates import Candidates
from hawc.history.storage.elsewhere import Elsewhere
from hawc.history.storage.opening import Opening
from hawc.history.storage.sequences import Sequence
from hawc.history.storage.store import Store, StoreURL
from hawc.history.storage.stored_rows import StoredRows
from hawc.points import ArrayLike
from hawc.threads import ThreadLock

__all__ = ["DatabaseHistory"]


@final
class DatabaseHistory(AnnotatedHistory):
    """The rows of one condition of a gallery in a database, shared by processes.

    Rows are only added, and every append is durable. Each batch is one transaction, so a process
    that is killed leaves whole batches. Each batch has a checksum. Rows that were read stay in
    memory, and later calls fetch only new ones.

    A gallery holds one sequence of rows per condition, such as a prompt or a class. Sequences do
    not conflict with each other.

    No connection is open between calls, so nothing has to be closed. All threads of a process may
    use one object. It may cross a fork while no other thread is within a call. Copies, also in
    other processes, are opened from the same arguments. A pickled history contains the password of
    its URL.

    SQLite needs a local disk, since locks of network file systems are often unreliable. Use
    PostgreSQL for several machines (pip install 'hawc[postgresql]').

    Args:
        url: the path of a SQLite file; or in SQLAlchemy's form, 'sqlite:///gallery.db' (a relative
            path; four slashes begin an absolute one) or
            'postgresql+psycopg://user@host/database', with the password in the environment variable
            PGPASSWORD or in ~/.pgpass. A password in a URL is visible in the list of processes.
            Options: `?timeout=` in seconds, `mode=ro` and others of SQLite, or those of libpq, as
            `?passfile=`.
        target: the distribution of the rows. Its dimension and its `repr` are recorded when the
            condition is created, and must be the same whenever it is opened. For a
            `hawc.FeatureSampler` it is `hawc.samplers.LatentsWithFeatures`. None is the recorded
            one; a new condition then waits for `bind`, which the sampler calls, and writes nothing
            before.
        gallery: name of the gallery, 1 to 100 printable characters.
        condition: any text without null characters.
        create: whether store, gallery and condition are created if they are missing.
        dtype: of the stored rows, torch.float32 or torch.float64. None is the recorded dtype, or
            torch's default dtype for a new condition.

    Raises:
        ValueError: if an argument is out of range or differs from the record, or if the condition
            does not exist and `create` is False.
        HistoryStoreError: if the store cannot be opened; the message says why.
    """

    def __init__(
        self,
        url: StoreURL | Store,
        target: Recorded | None = None,
        *,
        gallery: str = "default",
        condition: str = "",
        create: bool = False,
        dtype: torch.dtype | None = None,
    ) -> None:
        if target is not None:
            check_recorded("target", target)
        store = url if isinstance(url, Store) else Store(url)
        self._arguments = store.url, target, gallery, condition, dtype
        self._opening = Opening(store, gallery, condition, dtype)
        self._bind_lock = ThreadLock()
        self._rows: StoredRows | None = None
        self._candidates: Candidates | None = None
        self._elsewhere: Elsewhere | None = None
        self._target: str | None = None
        sequence = self._opening.find(create=create)
        if sequence is None and target is not None:
            sequence = self._opening.create(target)
        if sequence is not None:
            if target is not None:
                sequence = self._opening.widened(sequence, target)
                self._opening.check_target(sequence, target)
            self._attach(sequence, target)

    def __repr__(self) -> str:
        condition = f", condition={self.condition!r}" if self.condition else ""
        return (
            f"DatabaseHistory({self.location!r}, {self._target}, gallery={self.gallery!r}"
            f"{condition})"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        identity = None if self._rows is None else self._rows.sequence.identity
        return _reopened, (identity, *self._arguments)

    @property
    def dim(self) -> int:
        return 0 if self._rows is None else self._rows.sequence.dim

    @property
    def num_features(self) -> int:
        return 0 if self._rows is None else self._rows.num_features

    @property
    def gallery(self) -> str:
        return self._opening.gallery

    @property
    def condition(self) -> str:
        return self._opening.condition

    @property
    def identity(self) -> str:
        """A random text that no other condition has, not even one of the same name."""
        return self._bound.sequence.identity

    @property
    def location(self) -> str:
        """The store's URL with an absolute path, without password and options."""
        return str(self._opening.store)

    @property
    def target(self) -> str | None:
        """The `repr` of the rows' distribution; None while it is not known."""
        return self._target

    def bind(self, rows: Recorded) -> None:
        """Check that the history holds such rows; a new condition is created for them.

        Args:
            rows: describes them, as a target or `hawc.samplers.LatentsWithFeatures`.

        Raises:
            ValueError: if the history holds rows of another dimension or distribution.
            HistoryStoreError: if a new condition cannot be written.
        """
        check_recorded("rows", rows)
        with self._bind_lock:
            known = None if self._rows is None else self._rows.sequence
            sequence = self._opening.widened(known or self._opening.create(rows), rows)
            self._opening.check_rows(sequence, rows)
            self._attach(sequence, rows)

    def __len__(self) -> int:
        return 0 if self._rows is None else len(self._rows)

    def points(self) -> Float[Tensor, "n d"]:
        view = self.view()
        with torch.inference_mode(False), torch.no_grad():
            return view.clone()

    def view(self) -> Float[Tensor, "n d"]:
        return torch.empty(0, 0, device="cpu") if self._rows is None else self._rows.view()

    def append(
        self,
        points: Shaped[Tensor, "k d"] | ArrayLike,
        *,
        expected_length: int,
        label: str | None = None,
        metadata: Iterable[Mapping[str, Any]] | Mapping[str, Any] | None = None,
        generator_name: str | None = None,
    ) -> None:
        """Record a batch, completely or not at all.

        Args:
            points: finite real numbers, k >= 1 rows; copied in the gallery's dtype.
            expected_length: number of points that the caller chose against.
            label: returned by `label_at` for this batch, at most 100 characters. A unique label
                tells a process that was stopped while appending whether the batch was recorded.
            metadata: one JSON object per row, or one for all.
            generator_name: names the generator of these rows.

        Raises:
            ValueError: if the points have another shape or kind or are not finite, the label is
                too long, or JSON cannot express the metadata.
            HistoryConflictError: if the history now holds another number of points.
            HistoryStoreError: if the store cannot be written; the message says why.
        """
        if label is not None and len(label) > 100:
            raise ValueError(f"`label` must have at most 100 characters, got {len(label)}.")
        rows = self._bound
        batch = checked_points(points, self.dim, rows.batches.dtype)
        rows.append(
            batch,
            expected_length,
            label,
            row_notes(len(batch), metadata=metadata, generator_name=generator_name),
        )

    def exclusive(self) -> AbstractContextManager[None]:
        return self._bound.access.exclusive()

    def candidates(self) -> Float[Tensor, "m f"]:
        return super().candidates() if self._candidates is None else self._candidates.read()

    def add_candidates(self, features: Shaped[Tensor, "m f"] | ArrayLike) -> None:
        batch = self._checked_features(features)
        assert self._candidates is not None  # exist since the check at the latest
        self._candidates.add(batch)

    def features_elsewhere(self) -> Float[Tensor, "m f"]:
        return super().features_elsewhere() if self._elsewhere is None else self._elsewhere.read()

    def annotations(self, positions: range) -> Mapping[int, Annotation]:
        return {} if self._rows is None else self._rows.annotations(positions)

    def label_at(self, first: int) -> str | None:
        """Returns the label of the batch after `first` points, None if it has none."""
        rows = self._bound
        with rows.access.reading() as connection:
            return rows.batches.label_at(connection, first)

    def check_writable(self) -> None:
        """Raise HistoryStoreError if the store cannot be written now."""
        rows = self._bound
        with rows.access.writing() as connection, connection.begin_nested() as trial:
            zeros = torch.zeros(1, self.dim, dtype=rows.batches.dtype, device="cpu")
            rows.batches.insert(connection, zeros, first=-1)
            trial.rollback()

    @property
    def _bound(self) -> StoredRows:
        if self._rows is None:
            raise ValueError(
                f"`target` must be given before rows are recorded in the new {self._opening.place}:"
                " pass it to DatabaseHistory, or call `bind`."
            )
        return self._rows

    def _attach(self, sequence: Sequence, target: Recorded | None) -> None:
        """Use the rows of a record, unless they are in use."""
        rows = self._opening.rows(sequence, target)
        if self._rows is None or self._rows.batches != rows.batches:
            self._candidates = Candidates(self._opening.store, rows)
            self._elsewhere = Elsewhere(self._opening.store, rows)
            self._rows = rows
        if target is not None and sequence.fingerprint is None:
            self._rows.fingerprint = fingerprint_text(target)
        self._target = current_form(sequence.target) if target is None else repr(target)

    @property
    def _stored_dtype(self) -> torch.dtype | None:
        return None if self._rows is None else self._rows.batches.dtype

    def _record(
        self, batch: Float[Tensor, "k w"], expected_length: int | None, notes: list[Note]
    ) -> range:
        return self._bound.append(batch, expected_length, None, notes)

    def _created(self, positions: range) -> list[datetime]:
        return self._bound.created(positions)

    def _note(self, notes: list[tuple[int, Note]]) -> None:
        if notes:
            self._bound.note(notes)


def _reopened(
    identity: str | None,
    url: StoreURL,
    target: Recorded | None,
    gallery: str,
    condition: str,
    dtype: torch.dtype | None,
) -> DatabaseHistory:
    """Returns the rows of this identity; creating others would hide a loss."""
    create = identity is None  # nothing was recorded
    options: dict[str, Any] = {"gallery": gallery, "condition": condition, "dtype": dtype}
    with suppress(ValueError):  # they are missing, or are others
        history = DatabaseHistory(url, target, create=create, **options)
        if create or history.identity == identity:
            return history
    raise HistoryStoreError(
        f"gallery {gallery!r} at {Store(url)} is not the one that was copied or sent here: it was "
        "moved or replaced, or this machine has another file there. Open a DatabaseHistory by its "
        "URL."
    )
