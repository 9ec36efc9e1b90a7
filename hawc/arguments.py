"""Checks of arguments that are no points: whole numbers and generators."""

import operator
from typing import SupportsIndex

import numpy as np
import torch

__all__ = ["checked_generator", "whole_number"]


def whole_number(name: str, value: SupportsIndex, least: int) -> int:
    """Returns a whole number, also one of NumPy, if it is at least `least`.

    Raises:
        ValueError: if it is smaller, or no whole number: neither True nor 3.0 is one.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool | np.bool_):
        raise ValueError(f"`{name}` must be a whole number of at least {least}, got {value!r}.")
    if number < least:
        raise ValueError(f"`{name}` must be at least {least}, got {number}.")
    return number


def checked_generator(name: str, value: torch.Generator) -> torch.Generator:
    """Returns `value` if it is a generator.

    A seed is refused: given again and again, it would give the same numbers again and again.

    Raises:
        ValueError: if it is something else.
    """
    if isinstance(value, torch.Generator):
        return value
    seed = value if isinstance(value, int) else 0
    raise ValueError(
        f"`{name}` must be a torch.Generator, got {value!r}; make one by "
        f"torch.Generator().manual_seed({seed}) and keep it."
    )
