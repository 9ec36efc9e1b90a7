"""What a caller gives as points or weights, turned into tensors or refused by its name.

Tensors of any dtype, NumPy arrays of any dtype and strides, lists of numbers or of tensors are
welcome everywhere. Floating-point numbers keep their precision from float32 on, half precision
becomes float32, whole numbers and booleans float64, which holds them exactly up to 2^53: sums of
their squares would overflow, and their quotients be rounded, otherwise.
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
    """Returns points in float32 or better, with the graph of a tensor that has one.

    The result may share memory with `value`: copy what is kept, write to nothing.

    Args:
        name: of the argument, for messages.
        value: what the caller gave.
        dim: number of coordinates; any from 1 on if None.
        smallest: number of points that is enough.
        finite: whether NaN and infinity are refused; costs a look at every number.
        purpose: what the points are for, e.g. a target; named in the message about a shape.

    Raises:
        ValueError: if `value` is something else.
    """
    points = as_real(name, value)
    fits = points.ndim == 2 and points.shape[1] >= 1 and len(points) >= smallest
    if not fits or dim not in (None, points.shape[1]):
        coordinates = "d" if dim is None else dim
        beneath = f"n >= {smallest}" if dim is not None else f"n >= {smallest}, d >= 1"
        whose = "" if purpose is None else f" for {purpose}"
        raise ValueError(
            f"`{name}` must have shape (n, {coordinates}) with {beneath}{whose}, got "
            f"{tuple(points.shape)}{'; reshape to one row a point' if points.ndim == 1 else ''}."
        )
    # the extremes alone, since a mask of a long history, or a sum in float64, would take gigabytes
    if finite and points.numel() and not torch.stack(points.detach().aminmax()).isfinite().all():
        raise ValueError(f"`{name}` must be finite, got NaN or infinite coordinates.")
    return points


def as_weights(name: str, value: object, count: int) -> Float[Tensor, " n"]:
    """Returns one number a point in float32 or better, of any sign and total.

    Args:
        name: of the argument, for messages.
        value: what the caller gave.
        count: number of points.

    Raises:
        ValueError: if `value` is something else.
    """
    weights = as_real(name, value)
    if weights.shape != (count,):
        raise ValueError(
            f"`{name}` must hold one weight a point, {count} in all, got shape "
            f"{tuple(weights.shape)}."
        )
    return weights


def as_real(name: str, value: object) -> Float[Tensor, "..."]:
    """Returns real numbers of any shape in float32 or better; see `as_points`.

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
    """Returns all in the highest precision among them, on the device of the first."""
    dtype = reduce(torch.promote_types, (tensor.dtype for tensor in others), first.dtype)
    return tuple(tensor.to(first.device, dtype) for tensor in (first, *others))


def _stacked(value: object) -> object:
    """Returns a list of tensors as one, with their graphs; anything else as it is."""
    if not _is_list(value) or not value:
        return value
    if not all(isinstance(part, Tensor) for part in value):
        return value
    same = len({(part.shape, part.dtype, part.device) for part in value}) == 1
    return torch.stack(list(value)) if same else value


def _is_list(value: object) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    return isinstance(value, list | tuple)


def _array(name: str, value: object) -> np.ndarray:
    """Returns a writable array of float32 or float64 in the order of this machine."""
    if any(np.ma.is_masked(part) for part in (value if _is_list(value) else [value])):
        raise ValueError(
            f"`{name}` must hold no masked values, got some; leave such points out, as "
            "np.ma.compress_rows does."
        )
    wanted = "must hold real numbers, in a tensor, an array or lists of equal lengths"
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"`{name}` {wanted}, got a {type(value).__name__} ({error}).") from error
    if array.dtype.kind not in "biuf":
        kind = type(value).__name__
        raise ValueError(f"`{name}` {wanted}, got a {kind} of {array.dtype.name}.")
    single = array.dtype.kind == "f" and array.dtype.itemsize <= 4
    # neither reversed or read-only arrays nor those of another machine's order make a tensor
    return np.require(array, np.float32 if single else np.float64, ["C", "W"])
