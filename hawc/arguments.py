"""Checks of arguments other than points: numbers, generators, objects of hawc."""

import operator
from typing import SupportsFloat, SupportsIndex

import numpy as np
import torch

__all__ = ["check_instance", "checked_generator", "described", "real_number", "whole_number"]

# What is required, and what to give instead, for each abstract class of the package. The keys are
# names, since the modules of the classes import this one.
_MESSAGES = {
    "AbstractTarget": ("hawc.targets.AbstractTarget", "wrap the points: hawc.Empirical(points)"),
    "AbstractHistory": (
        "hawc.history.AbstractHistory",
        "make one and append the points: hawc.MemoryHistory(dim)",
    ),
    "AbstractKernel": (
        "hawc.kernels.AbstractKernel",
        "give an object such as hawc.kernels.Energy()",
    ),
    "AbstractSolver": (
        "hawc.compression.AbstractSolver",
        "give an object such as hawc.compression.Typical()",
    ),
}


def whole_number(name: str, value: SupportsIndex, least: int) -> int:
    """Returns `value` as an int if it is a whole number of at least `least`.

    NumPy's integers are whole numbers; True and 3.0 are not.

    Raises:
        ValueError: if it is smaller or not a whole number.
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
    """Returns a single number, of Python, NumPy or a tensor of shape (), as a float.

    Raises:
        ValueError: if it is anything else, such as text or a list.
    """
    if isinstance(value, SupportsFloat) and np.ndim(value) == 0:  # type: ignore[arg-type]
        return float(value)
    raise ValueError(f"`{name}` must be a single number, got {described(value)}.")


def check_instance(name: str, value: object, kind: type, *, or_none: bool = False) -> None:
    """Raise ValueError unless `value` is an object of an abstract class of hawc.

    Args:
        name: of the argument, for the message.
        value: the argument.
        kind: AbstractTarget, AbstractHistory, AbstractKernel or AbstractSolver.
        or_none: whether None is allowed.
    """
    if isinstance(value, kind) or (or_none and value is None):
        return
    required, instead = _MESSAGES[kind.__name__]
    if isinstance(value, type) and issubclass(value, kind):
        instead = f"give an object of the class: {value.__name__}(...)"
    required += " or None" if or_none else ""
    raise ValueError(f"`{name}` must be a {required}, got {described(value)}; {instead}.")


def check_text(**values: object) -> None:
    """Raise ValueError unless each value is text or None; keywords name the arguments."""
    for name, value in values.items():
        if value is not None and not isinstance(value, str):
            raise ValueError(f"`{name}` must be text or None, got {described(value)}.")


def described(value: object) -> str:
    """Returns a short description of a value for a message."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, np.ndarray | torch.Tensor):
        return f"a {type(value).__name__} of shape {tuple(value.shape)}"
    text = repr(value)
    return text if len(text) <= 40 else f"a {type(value).__name__}"


def checked_generator(name: str, value: torch.Generator) -> torch.Generator:
    """Returns `value` if it is a torch.Generator.

    A seed is refused, since each call with it would repeat the same random numbers.

    Raises:
        ValueError: if it is not a torch.Generator.
    """
    if isinstance(value, torch.Generator):
        return value
    seed = value if isinstance(value, int) else 0
    raise ValueError(
        f"`{name}` must be a torch.Generator, got {value!r}; make one by "
        f"torch.Generator().manual_seed({seed}) and keep it."
    )
