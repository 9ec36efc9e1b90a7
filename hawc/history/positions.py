"""Checks of the numbers of rows."""

import operator
from collections.abc import Iterable
from typing import Any, SupportsIndex

from jaxtyping import Float
from torch import Tensor

__all__ = ["Ids", "checked_ids"]

Ids = SupportsIndex | Iterable[SupportsIndex]
"""One id of a row, or several."""


def checked_ids(ids: Ids, view: Float[Tensor, "n d"], *, forgotten: bool = False) -> list[int]:
    """Returns ids as a list.

    Args:
        ids: one or more.
        view: all rows of the history.
        forgotten: whether they may be forgotten.

    Raises:
        ValueError: if one is not the id of a row, or is forgotten.
    """
    try:
        positions = _numbers(ids)
    except TypeError as error:
        raise ValueError(f"`ids` must be whole numbers, got {ids!r}.") from error
    for position in positions:
        if not 0 <= position < len(view):
            raise ValueError(
                f"`ids` must be ids of rows, 0 to {len(view) - 1}, got {position}."
                if len(view)
                else f"`ids` must be ids of rows, and the history has none, got {position}."
            )
        if not forgotten and view[position, -1].isnan():
            raise ValueError(f"`ids` must be ids of rows that are not forgotten, got {position}.")
    return positions


def _numbers(ids: Ids) -> list[int]:
    """Returns one or more whole numbers as a list."""
    is_one = not isinstance(ids, Iterable) or getattr(ids, "ndim", None) == 0
    given: list[Any] = [ids] if is_one else list(ids)  # type: ignore[arg-type]
    if any(isinstance(number, bool) for number in given):
        raise TypeError("a truth value is no id")
    return [operator.index(number) for number in given]
