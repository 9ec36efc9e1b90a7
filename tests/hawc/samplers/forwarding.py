"""A history with the required methods alone, as users write them, which forwards to another."""

from contextlib import AbstractContextManager

from jaxtyping import Float
from torch import Tensor

from hawc.history import AbstractHistory


class ForwardingHistory(AbstractHistory):
    def __init__(self, inner: AbstractHistory) -> None:
        self._inner = inner

    @property
    def dim(self) -> int:
        return self._inner.dim

    def __len__(self) -> int:
        return len(self._inner)

    def points(self) -> Float[Tensor, "n d"]:
        return self._inner.points()

    def append(self, points: Float[Tensor, "k d"], *, expected_length: int) -> None:
        self._inner.append(points, expected_length=expected_length)

    def exclusive(self) -> AbstractContextManager[None]:
        return self._inner.exclusive()
