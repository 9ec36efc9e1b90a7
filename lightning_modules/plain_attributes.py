"""Modules whose plain attributes are set as quickly as any other object's."""

from abc import ABC
from typing import Any

from torch import nn

__all__ = ["AbstractPlainAttributes"]

_PLAIN = (str, int, float, type(None))  # and bool


class AbstractPlainAttributes(nn.Module, ABC):
    """Sets strings, numbers and None without asking whether they are parameters or modules.

    Lightning notes the name of each hook in an attribute of the module, before and after, dozens of
    times in a batch of a GAN, and `nn.Module` looks through its tables each time.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, _PLAIN) and name in self.__dict__:
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)
