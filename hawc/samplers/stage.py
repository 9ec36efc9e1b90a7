"""Calls of the functions and networks that a user passes to a sampler."""

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

__all__ = [
    "Stage",
    "called",
    "check_stages",
    "described_output",
    "module_of",
    "without_autocast_anywhere",
]

Stage = Callable[[Any], Any]
"""Any callable: a function, a method, an object, a module."""

_OUT_OF_MEMORY = ("out of memory", "not enough memory", "failed to allocate", "can't allocate")


def check_stages(**stages: Stage) -> None:
    """Raise ValueError unless each stage is callable; its keyword names the argument."""
    for name, stage in stages.items():
        if not callable(stage):
            raise ValueError(
                f"`{name}` must be callable, such as a function or a network, got "
                f"{described_output(stage)}."
            )


def called(name: str, stage: Stage, x: Any, count: int) -> Any:
    """Returns the stage's output for x, which holds `count` latents or their images.

    A module gets tensors on its device and in its precision. Whole numbers keep their type.

    Raises:
        ValueError: if the stage returns None or runs out of memory. Other errors of the stage are
            raised with a note that names it.
    """
    x = _suited(x, module_of(stage))
    try:
        output = stage(x)
    except Exception as error:
        if _is_out_of_memory(error):
            raise ValueError(
                f"`batch_size` must be small enough for the memory of `{name}`, got {count} at "
                f"once ({str(error).partition(chr(10))[0]}); pass a smaller batch_size."
            ) from error
        error.add_note(f"Raised by `{name}`, called with {described_output(x)}.")
        raise
    if output is None:
        raise ValueError(f"`{name}` must return a value for {described_output(x)}, got None.")
    return output


def module_of(stage: Stage) -> nn.Module | None:
    """Returns the module that a stage is, or is a method or partial of."""
    while isinstance(stage, functools.partial):
        stage = stage.func
    owner = stage.__self__ if inspect.ismethod(stage) else stage
    return owner if isinstance(owner, nn.Module) else None


def described_output(x: Any) -> str:
    """Returns type, shape and dtype of a value, for a message."""
    kind = type(x).__name__
    if isinstance(x, list):
        return f"a {kind} of {len(x)}"
    shape, dtype = getattr(x, "shape", None), getattr(x, "dtype", None)
    return f"a {kind}" if shape is None else f"a {kind} of shape {tuple(shape)}, {dtype}"


@contextmanager
def without_autocast_anywhere(z: Tensor, modules: list[nn.Module]) -> Iterator[None]:
    """Switch autocast off on all devices: half precision would change the choice."""
    references = [tensor for module in modules if (tensor := _reference(module)) is not None]
    devices = {"cpu", z.device.type, *(tensor.device.type for tensor in references)}
    if torch.cuda.default_generators:  # CUDA is in use, perhaps within a plain function
        devices.add("cuda")
    with ExitStack() as stack:
        for device in devices:
            stack.enter_context(torch.autocast(device, enabled=False))
        yield


def _is_out_of_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(
        text in str(error).lower() for text in _OUT_OF_MEMORY
    )


def _suited(x: Any, module: nn.Module | None) -> Any:
    like = None if module is None else _reference(module)
    if like is None or not isinstance(x, Tensor):
        return x
    return x.to(like) if x.is_floating_point() else x.to(like.device)


def _reference(module: nn.Module) -> Tensor | None:
    """Returns a floating-point parameter or buffer, for its device and dtype."""
    tensors = chain(module.parameters(), module.buffers())
    return next((tensor for tensor in tensors if tensor.is_floating_point()), None)
