"""Functions that a configuration may name: those that make a part of an experiment.

A configuration is trusted like a script that imports modules, but it must not call any function of
an installed package: `class_path: os.system` would run a program.
"""

import collections.abc
import inspect
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_origin

from lightning import Callback, LightningDataModule
from lightning.pytorch.loggers import Logger
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from hawc.kernels import AbstractKernel
from hawc.samplers import AbstractSampler
from hawc.targets import AbstractTarget

__all__ = ["OUR_PACKAGES", "check_maker", "is_of_library"]

_PARTS = (
    *(nn.Module, LightningDataModule, Callback, Logger, Optimizer, LRScheduler),
    *(AbstractKernel, AbstractSampler, AbstractTarget),
)
OUR_PACKAGES = (
    *("callbacks", "commands", "configuration", "datamodules", "hawc"),
    *("lightning_modules", "metrics", "networks"),
)

_STDLIB = tuple({Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")})
_INSTALLED = {"site-packages", "dist-packages"}


def is_of_library(file: str) -> bool:
    """Returns whether a source file belongs to Python or to an installed package."""
    if file.startswith("<"):  # generated at run time, or frozen into Python
        return True
    path = Path(file).resolve()
    return any(path.is_relative_to(place) for place in _STDLIB) or bool(
        _INSTALLED & set(path.parts)
    )


def check_maker(function: Callable[..., Any]) -> None:
    """Raises ImportError unless the annotation of a function says that it makes a usable part.

    A function of the user's own module may be annotated with any type. Any other function must
    return a network, an optimizer or another part of an experiment.

    Args:
        function: that a configuration names by `class_path`; it is not called.
    """
    kind = _returned(function)
    if kind is None or (not _is_users(function) and not _is_part(kind)):
        name = f"{function.__module__}.{getattr(function, '__qualname__', function)}"
        raise ImportError(f"The function '{name}' does not say that it returns such an object")


def _returned(function: Callable[..., Any]) -> Any:
    """Returns the annotated type, None if there is none."""
    try:
        kind = inspect.signature(function, eval_str=True).return_annotation
    except (NameError, TypeError, ValueError, AttributeError, SyntaxError):
        return None
    return None if kind in (inspect.Signature.empty, Any) else kind


def _is_part(kind: Any) -> bool:
    if get_origin(kind) is collections.abc.Callable:
        kind = get_args(kind)[-1]
    return inspect.isclass(kind) and issubclass(kind, _PARTS)


def _is_users(function: Callable[..., Any]) -> bool:
    function = getattr(function, "func", function)  # of a functools.partial
    code = getattr(inspect.unwrap(function), "__code__", None)
    is_ours = str(function.__module__).partition(".")[0] in OUR_PACKAGES
    return code is not None and not is_ours and not is_of_library(code.co_filename)
