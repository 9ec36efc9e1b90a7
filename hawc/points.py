"""Conversion of points and weights to tensors, with errors that name the argument.

All functions of this package take tensors of any dtype, NumPy arrays of any dtype and strides, and
lists of numbers or tensors. float32 and float64 stay; half precision becomes float32. Integers and
booleans become float64, which holds them exactly up to 2^53: in their own dtype sums of squares
would overflow and quotients would be rounded.
"""

from functools import reduce
from typing import Any, TypeGuard

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike
from torch import Tensor

from hawc.precision import full_precision

__all__ = ["ArrayLike", "as_points", "as_real", "as_weights", "promoted"]


def as_points(
    name: str,
    value: object,
    *,
    dim: int | None = None,
    smallest: int = 1,
    finite: bool = False,
    purpose: object = None,
) -> Float[Tensor, "n d"]:
    """Returns points in float32 or float64, with the autograd graph of a given tensor.

    The result may share memory with `value`. Copy it before you keep or change it.

    Args:
        name: of the argument, for messages.
        value: the argument.
        dim: required number of coordinates; any from 1 on if None.
        smallest: least number of points.
        finite: whether NaN and infinity are refused, which reads every number.
        purpose: of the points, e.g. a target; part of the message about the shape.

    Raises:
        ValueError: if `value` is not such a set of points.
    """
    points = as_real(name, value)
    fits = points.ndim == 2 and points.shape[1] >= 1 and len(points) >= smallest
    if not fits or dim not in (None, points.shape[1]):
        coordinates = "d" if dim is None else dim
        range_ = f"n >= {smallest}" if dim is not None else f"n >= {smallest}, d >= 1"
        whose = "" if purpose is None else f" for {purpose}"
        raise ValueError(
            f"`{name}` must have shape (n, {coordinates}) with {range_}{whose}, got "
            f"{tuple(points.shape)}{'; reshape to one row per point' if points.ndim == 1 else ''}."
        )
    # only the extremes: a mask of a long history, or its sum in float64, would take gigabytes
    if finite and points.numel() and not torch.stack(points.detach().aminmax()).isfinite().all():
        raise ValueError(f"`{name}` must be finite, got NaN or infinite coordinates.")
    return points


def as_weights(name: str, value: object, count: int) -> Float[Tensor, " n"]:
    """Returns one weight per point in float32 or float64, of any sign and total.

    Args:
        name: of the argument, for messages.
        value: the argument.
        count: number of points.

    Raises:
        ValueError: if `value` does not hold `count` real numbers.
    """
    weights = as_real(name, value)
    if weights.shape != (count,):
        raise ValueError(
            f"`{name}` must hold one weight per point, {count} in all, got shape "
            f"{tuple(weights.shape)}."
        )
    return weights


def as_real(name: str, value: object) -> Float[Tensor, "..."]:
    """Returns real numbers of any shape in float32 or float64; see `as_points`.

    Raises:
        ValueError: if `value` holds anything but real numbers.
    """
    tensor = _stacked(value)
    if not isinstance(tensor, Tensor):
        tensor = torch.from_numpy(_array(name, tensor))
    if tensor.is_complex():
        raise ValueError(
            f"`{name}` must hold real numbers, got {tensor.dtype}; give real and imaginary parts "
            "as coordinates."
        )
    return full_precision(tensor.to_dense() if tensor.layout is not torch.strided else tensor)


def promoted(first: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    """Returns the tensors in the highest of their precisions, on the first's device."""
    dtype = reduce(torch.promote_types, (tensor.dtype for tensor in others), first.dtype)
    return tuple(tensor.to(first.device, dtype) for tensor in (first, *others))


def _stacked(value: object) -> object:
    """Returns a list of tensors of one shape as one tensor, anything else unchanged."""
    if not _is_list(value) or not value:
        return value
    if not all(isinstance(part, Tensor) for part in value):
        return value
    same = len({(part.shape, part.dtype, part.device) for part in value}) == 1
    return torch.stack(list(value)) if same else value


def _is_list(value: object) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    return isinstance(value, list | tuple)


def _array(name: str, value: object) -> np.ndarray:
    """Returns a writable array of float32 or float64 in native byte order."""
    if any(np.ma.is_masked(part) for part in (value if _is_list(value) else [value])):
        raise ValueError(
            f"`{name}` must hold no masked values, got some; remove these points, e.g. by "
            "np.ma.compress_rows."
        )
    required = "must hold real numbers, in a tensor, an array or lists of equal lengths"
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"`{name}` {required}, got a {type(value).__name__} ({error}).") from error
    if array.dtype.kind not in "biuf":
        kind = type(value).__name__
        raise ValueError(f"`{name}` {required}, got a {kind} of {array.dtype.name}.")
    single = array.dtype.kind == "f" and array.dtype.itemsize <= 4
    # torch takes no arrays with negative strides, read-only ones or ones in another byte order
    return np.require(array, np.float32 if single else np.float64, ["C", "W"])
