"""Default optimizers, which are lambdas, in a form that other processes can load.

The command line reads a lambda among a class's defaults and writes what it makes into config.yaml;
pickle finds no name for one. It is the default of an argument of a class, and both have names.
"""

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

__all__ = ["NamedDefault", "named"]


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
