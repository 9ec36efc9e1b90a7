"""The base class of samplers, which record each batch in a history."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.arguments import check_instance, checked_generator, whole_number
from hawc.history import AbstractHistory, HistoryConflictError, MemoryHistory, Recorded
from hawc.history.abstract import check_dimension
from hawc.history.annotation import checked_metadata
from hawc.targets import AbstractTarget
from hawc.threads import ThreadLock

__all__ = ["AbstractSampler", "BeforeAppend", "GeneratorAt", "Metadata"]

BeforeAppend = Callable[[Tensor, int], str | None]
"""Receives the chosen rows and their position in the history; may return a label for them."""

Metadata = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None
"""A JSON object for all rows of a batch, or one for each."""

GeneratorAt = Callable[[int], torch.Generator]
"""Returns the generator for a choice, given the length of the history."""

_OPTIMISTIC_ATTEMPTS = 2  # before the sampler keeps other processes from appending


class AbstractSampler(ABC):
    """Samples batches and records them in a history.

    A subclass implements `choose`. Its constructor takes the target as the first argument and
    passes it to this one.

    Several threads may use one sampler; their calls run one after the other, since each choice
    depends on the one before. Samplers that share a history, in threads or processes, choose
    concurrently.

    Args:
        target: the distribution that all points together should match.
        history: where points are recorded; a new `MemoryHistory` if None.
        rows: describes a row of the history, if that is more than a point; the target if None.
        are_rows_known: False if `choose` finds out what a row is, and binds the history to it.

    Attributes:
        target: the distribution that all points together should match.
        rows: describes a row of the history; None if that is not known yet.

    Raises:
        ValueError: if the history has another dimension than the rows, or is a gallery of another
            distribution.
    """

    def __init__(
        self,
        target: AbstractTarget,
        history: AbstractHistory | None = None,
        rows: Recorded | None = None,
        *,
        are_rows_known: bool = True,
    ) -> None:
        check_instance("target", target, AbstractTarget)
        check_instance("history", history, AbstractHistory, or_none=True)
        self.target = target
        self.rows: Recorded | None = target if rows is None and are_rows_known else rows
        self._history = MemoryHistory() if history is None else history
        if self.rows is not None:
            self._history.bind(self.rows)
        self._one_at_a_time = ThreadLock()

    @property
    def history(self) -> AbstractHistory:
        """The recorded rows.

        Another history of the same dimension can be assigned, from the next batch on. Its target is
        not compared with the sampler's.
        """
        return self._history

    @history.setter
    def history(self, history: AbstractHistory) -> None:
        check_instance("history", history, AbstractHistory)
        with self._one_at_a_time:
            is_of_features = 0 < history.num_features == history.dim  # binding adds latents
            if self.rows is not None and (history.target is None or is_of_features):
                history.bind(self.rows)
            elif self.rows is not None:
                check_dimension(history.dim, self.rows)
            self._history = history

    def sample(
        self,
        n: int,
        *,
        generator: torch.Generator | GeneratorAt,
        before_append: BeforeAppend | None = None,
        metadata: Metadata = None,
    ) -> Float[Tensor, "n ..."]:
        """Choose n new points, record them in the history and return them.

        If another sampler appends during the choice, the batch is chosen again. After two such
        conflicts the third choice is made while all others wait.

        Args:
            n: number of points, at least 1.
            generator: source of randomness, or a function from the history's length to one. The
                same seed and history give the same points; with a function this also holds after
                a conflict.
            before_append: called before each attempt to record: with the chosen rows and with
                their position, the length of the history. If it returns a text, a
                `DatabaseHistory` records the batch under this label.
            metadata: recorded with the rows, as in `hawc.DatabaseHistory.append`; a JSON object for
                each of them, or one for all.

        Returns:
            (n, dim) in torch's default dtype, on the generator's device.

        Raises:
            ValueError: if `n` is not an integer of at least 1, `generator` is not torch's, or JSON
                cannot express `metadata`.
        """
        n = whole_number("n", n, 1)
        if metadata is not None:  # checked before the choice, which may take minutes
            metadata = checked_metadata(metadata, n)
        if not callable(generator):
            generator = checked_generator("generator", generator)
        with self._one_at_a_time:
            rows = self._recorded(n, generator, before_append, metadata)
            self._appended()
        return self._shaped(rows[:, : self.target.dim].contiguous())

    def _recorded(
        self,
        n: int,
        generator: torch.Generator | GeneratorAt,
        before_append: BeforeAppend | None,
        metadata: Metadata,
    ) -> Float[Tensor, "n r"]:
        """Returns the rows of n new points, which are recorded."""
        rows = None

        def attempt() -> Float[Tensor, "n r"]:
            nonlocal rows
            past = self.history.view()
            source = generator(len(past)) if callable(generator) else generator
            rows = self.choose(n, self._counting(past), source, rows)
            label = before_append(rows, len(past)) if before_append else None
            # histories of users take points alone
            notes = {"label": label, "metadata": metadata, **self._notes()}
            given = {name: value for name, value in notes.items() if value is not None}
            self.history.append(rows, expected_length=len(past), **given)
            return rows

        for _ in range(_OPTIMISTIC_ATTEMPTS):
            with suppress(HistoryConflictError):
                return attempt()
        with self.history.exclusive():
            return attempt()

    def _counting(self, rows: Float[Tensor, "n r"]) -> Float[Tensor, "m r"]:
        """Returns the rows for `choose`: those that are not forgotten."""
        if rows.numel() == 0:
            return rows
        forgotten = rows[:, -1].isnan()
        return rows[~forgotten] if forgotten.any() else rows

    def _appended(self) -> None:
        """Called after a batch was recorded; the history may be written to."""
        return

    def _shaped(self, points: Float[Tensor, "n d"]) -> Float[Tensor, "n ..."]:
        """Returns points in the form in which `sample` returns them."""
        return points

    def _notes(self) -> dict[str, Any]:
        """Returns further arguments of the history's `append`."""
        return {}

    @abstractmethod
    def choose(
        self,
        n: int,
        past: Float[Tensor, "kp d"],
        generator: torch.Generator,
        previous: Float[Tensor, "n d"] | None = None,
    ) -> Float[Tensor, "n d"]:
        """Returns n rows for the history, and records nothing.

        They are in torch's default dtype, on the generator's device. A row starts with the
        coordinates of a point; further numbers may follow, as `rows` describes.

        Args:
            n: number of rows, at least 1.
            past: all rows of the history that are not forgotten, oldest first, on the CPU;
                read-only. Images that were added as features alone have NaN as latent.
            generator: source of randomness.
            previous: the rows of the last choice, if it could not be recorded since another
                sampler had appended; else None.
        """
