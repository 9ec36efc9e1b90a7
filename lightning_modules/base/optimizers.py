"""Default optimizers of models that config.yaml and other processes can hold.

The command line writes a default into config.yaml only if all its arguments are numbers, hence
`AdamWithBetas`. The defaults are lambdas, which pickle cannot name; each is, however, the default
of a named argument of a named class, hence `NamedDefault`.
"""

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
    """Adam with two numbers, `beta1` and `beta2`, in place of the pair `betas`.

    Args:
        params: the weights to optimize.
        lr: learning rate, > 0.
        beta1: decay rate of the mean gradient, in [0, 1).
        beta2: decay rate of the mean squared gradient, in [0, 1).
        weight_decay: factor of the weights in the term added to their gradient, >= 0.
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
    """The place of a default: a constructor's argument, by names that pickle can hold.

    Args:
        module: name of the module with the class.
        name: of the class.
        argument: of its constructor.
    """

    module: str
    name: str
    argument: str

    def value(self) -> Any:
        """Returns the default."""
        owner = getattr(importlib.import_module(self.module), self.name)
        return inspect.signature(owner).parameters[self.argument].default


def named(factory: Callable[..., Any] | None) -> Any:
    """Returns a `NamedDefault` for a lambda that is a default, else the factory."""
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
