"""Checks of arguments that are no points: numbers, generators and objects of this package."""

import operator
from typing import SupportsFloat, SupportsIndex

import numpy as np
import torch

__all__ = ["check_instance", "checked_generator", "described", "real_number", "whole_number"]

_INSTEAD = {
    "AbstractTarget": "wrap the points: hawc.Empirical(points)",
    "AbstractHistory": "make one and append the points: hawc.MemoryHistory(dim)",
    "AbstractKernel": "give an object such as hawc.kernels.Energy()",
    "AbstractSolver": "give an object such as hawc.compression.Typical()",
}


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


def real_number(name: str, value: object) -> float:
    """Returns a single number as a float, also one of NumPy or a tensor of no dimension.

    Raises:
        ValueError: if it is something else, such as text or an array of several.
    """
    if isinstance(value, SupportsFloat) and np.ndim(value) == 0:  # type: ignore[arg-type]
        return float(value)
    raise ValueError(f"`{name}` must be a single number, got {described(value)}.")


def check_instance(name: str, value: object, kind: type, *, or_none: bool = False) -> None:
    """Raises ValueError unless `value` is a target, history, kernel or solver, as `kind` says.

    Args:
        name: of the argument, for messages.
        value: what the caller gave.
        kind: the abstract class; given by the caller, since this module can import none of them.
        or_none: whether None will do too.
    """
    if isinstance(value, kind) or (or_none and value is None):
        return
    instead = _INSTEAD[kind.__name__]
    if isinstance(value, type) and issubclass(value, kind):
        instead = f"give an object of the class: {value.__name__}(...)"
    required = f"a hawc.{kind.__name__}{' or None' if or_none else ''}"
    raise ValueError(f"`{name}` must be {required}, got {described(value)}; {instead}.")


def described(value: object) -> str:
    """Returns what a value is, without the numbers of an array."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, np.ndarray | torch.Tensor):
        return f"a {type(value).__name__} of shape {tuple(value.shape)}"
    text = repr(value)
    return text if len(text) <= 40 else f"a {type(value).__name__}"


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
