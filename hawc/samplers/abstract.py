"""The base class of samplers, which record each batch in a history."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.arguments import check_instance, checked_generator, whole_number
from hawc.history import AbstractHistory, HistoryConflictError, MemoryHistory, Recorded
from hawc.targets import AbstractTarget
from hawc.threads import ThreadLock

__all__ = ["AbstractSampler", "BeforeAppend", "GeneratorAt"]

BeforeAppend = Callable[[Tensor, int], str | None]
"""Receives the chosen rows and their position in the history; may return a label for them."""

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

    Attributes:
        target: the distribution that all points together should match.
        rows: describes a row of the history.

    Raises:
        ValueError: if the history has another dimension than the rows, or is a gallery of another
            distribution.
    """

    def __init__(
        self,
        target: AbstractTarget,
        history: AbstractHistory | None = None,
        rows: Recorded | None = None,
    ) -> None:
        check_instance("target", target, AbstractTarget)
        check_instance("history", history, AbstractHistory, or_none=True)
        self.target = target
        self.rows: Recorded = target if rows is None else rows
        self.history = MemoryHistory(self.rows.dim) if history is None else history
        if history is not None and history.target not in (None, repr(self.rows)):
            raise ValueError(
                f"`history` must be a gallery of {self.rows}, got {history} of "
                f"{history.target}; name another gallery. If both are one distribution under two "
                "names, assign the gallery to the sampler's attribute `history`."
            )
        self._one_at_a_time = ThreadLock()

    @property
    def history(self) -> AbstractHistory:
        """The recorded rows.

        Another history of the same dimension can be assigned. Its target is not compared with the
        sampler's.
        """
        return self._history

    @history.setter
    def history(self, history: AbstractHistory) -> None:
        if history.dim != self.rows.dim:
            raise ValueError(
                f"`history` must hold points of dimension {self.rows.dim} for {self.rows}, got "
                f"dimension {history.dim}; create it with that dimension or target."
            )
        self._history = history

    def sample(
        self,
        n: int,
        *,
        generator: torch.Generator | GeneratorAt,
        before_append: BeforeAppend | None = None,
    ) -> Float[Tensor, "n d"]:
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

        Returns:
            (n, dim) in torch's default dtype, on the generator's device.

        Raises:
            ValueError: if `n` is not an integer of at least 1 or `generator` is not torch's.
        """
        n = whole_number("n", n, 1)
        if not callable(generator):
            generator = checked_generator("generator", generator)
        with self._one_at_a_time:
            rows = self._recorded(n, generator, before_append)
        return rows[:, : self.target.dim].contiguous()

    def _recorded(
        self,
        n: int,
        generator: torch.Generator | GeneratorAt,
        before_append: BeforeAppend | None,
    ) -> Float[Tensor, "n r"]:
        rows = None

        def attempt() -> Float[Tensor, "n r"]:
            nonlocal rows
            past = self.history.view()
            source = generator(len(past)) if callable(generator) else generator
            rows = self.choose(n, past, source, rows)
            label = before_append(rows, len(past)) if before_append else None
            # only a DatabaseHistory takes labels
            labelled: dict[str, Any] = {} if label is None else {"label": label}
            self.history.append(rows, expected_length=len(past), **labelled)
            return rows

        for _ in range(_OPTIMISTIC_ATTEMPTS):
            with suppress(HistoryConflictError):
                return attempt()
        with self.history.exclusive():
            return attempt()

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
            past: all rows of the history, oldest first, on the CPU; read-only.
            generator: source of randomness.
            previous: the rows of the last choice, if it could not be recorded since another
                sampler had appended; else None.
        """
