"""What every sampler with a memory does: choose against what was drawn, record, return."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.arguments import check_instance, checked_generator, whole_number
from hawc.history import (
    AbstractHistory,
    DatabaseHistory,
    HistoryConflictError,
    MemoryHistory,
    Recorded,
)
from hawc.targets import AbstractTarget
from hawc.threads import ThreadLock

__all__ = ["RACES", "AbstractSampler"]

RACES = 2  # lost ones, before others are made to wait


class AbstractSampler(ABC):
    """Draws batches and remembers them; a sampler is the way in which it chooses a batch.

    Several threads may use one sampler: they take turns, since each choice depends on the one
    before. Samplers of one history, in threads or processes, choose at the same time.

    Args:
        target: the distribution that all points together are to match.
        history: where points are remembered; a new `MemoryHistory` if None.
        rows: what is remembered, if that is a point and more behind it; just the point if None.

    Raises:
        ValueError: if the history's dimension is not that of the target, or of the rows, or it is
            a gallery of another distribution.
    """

    def __init__(
        self,
        target: AbstractTarget,
        history: AbstractHistory | None,
        rows: Recorded | None = None,
    ) -> None:
        check_instance("target", target, AbstractTarget)
        check_instance("history", history, AbstractHistory, or_none=True)
        rows = target if rows is None else rows
        self.target = target
        self.history = MemoryHistory(rows.dim) if history is None else history
        if self.history.dim != rows.dim:
            raise ValueError(
                f"`history` must hold points of dimension {rows.dim} for {rows}, got "
                f"dimension {self.history.dim}."
            )
        if isinstance(self.history, DatabaseHistory) and self.history.target != repr(rows):
            raise ValueError(
                f"`history` must be a gallery of {rows}, got gallery {self.history.gallery!r} of "
                f"{self.history.target}; name another gallery. If both are one distribution under "
                "two names, call `choose` and append its rows to the history."
            )
        self._turn = ThreadLock()

    def sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """Chooses n new points, records them in the history and returns them.

        If another sampler has appended meanwhile, the choice is made again; after two such races
        others have to wait for it.

        Args:
            n: number of points, at least 1.
            generator: source of randomness; the same seed and history give the same points.

        Returns:
            (n, dim) in torch's default dtype, on the generator's device.

        Raises:
            ValueError: if `n` is no whole number of at least 1 or `generator` none of torch.
        """
        n = whole_number("n", n, 1)
        generator = checked_generator("generator", generator)
        with self._turn:
            rows = self._recorded(n, generator)
        return rows[:, : self.target.dim].contiguous()

    def _recorded(self, n: int, generator: torch.Generator) -> Float[Tensor, "n d"]:
        rows = None
        for _ in range(RACES):
            past = self.history.view()
            rows = self.choose(n, past, generator, rows)
            try:
                self.history.append(rows, expected_length=len(past))
            except HistoryConflictError:
                continue
            return rows
        with self.history.exclusive():
            past = self.history.view()
            rows = self.choose(n, past, generator, rows)
            self.history.append(rows, expected_length=len(past))
        return rows

    @abstractmethod
    def choose(
        self,
        n: int,
        past: Float[Tensor, "kp d"],
        generator: torch.Generator,
        previous: Float[Tensor, "n d"] | None = None,
    ) -> Float[Tensor, "n d"]:
        """Returns n rows, in torch's default dtype, on the generator's device; records nothing.

        `sample` calls this method and appends the rows. Call it directly if something has to happen
        between the two. A row is a point; a history of larger dimension adds numbers behind it.

        Args:
            n: number of rows, at least 1.
            past: all rows of the history, oldest first, on the CPU; never written to.
            generator: source of randomness.
            previous: the rows of the last call, if another sampler has appended since; else None.
        """
