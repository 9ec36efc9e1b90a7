"""Default optimizers: Adam with scalar arguments, and lambdas that other processes can load."""

import importlib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

__all__ = ["AdamWithBetas", "NamedDefault", "named"]


@final
class AdamWithBetas(torch.optim.Adam):
    """Adam with its two decay rates as arguments of their own.

    The command line writes a default optimizer into config.yaml if all its arguments are numbers;
    the pair that `torch.optim.Adam` takes is not one.

    Args:
        params: the weights to move.
        lr: learning rate, > 0.
        beta1: decay rate of the mean gradient, in [0, 1).
        beta2: decay rate of the mean squared gradient, in [0, 1).
        weight_decay: factor of the weights that is added to their gradient, >= 0.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        beta1: float,
        beta2: float,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, betas=(beta1, beta2), weight_decay=weight_decay)


@final
@dataclass(frozen=True)
class NamedDefault:
    """Where a default stands.

    Args:
        module: of the class.
        name: of the class, whose constructor has the default.
        argument: of the constructor.
    """

    module: str
    name: str
    argument: str

    def value(self) -> Any:
        """Returns the default."""
        owner = getattr(importlib.import_module(self.module), self.name)
        return inspect.signature(owner).parameters[self.argument].default


def named(factory: Callable[..., Any] | None) -> Any:
    """Returns where a factory stands if it is a lambda and a class's default, else the factory."""
    owner, _, name = getattr(factory, "__qualname__", "").partition(".")
    if name != "<lambda>":
        return factory
    module = factory.__module__
    cls = getattr(importlib.import_module(module), owner, None)
    parameters = inspect.signature(cls).parameters if inspect.isclass(cls) else {}
    for argument, parameter in parameters.items():
        if parameter.default is factory:
            return NamedDefault(module, owner, argument)
    return factory
