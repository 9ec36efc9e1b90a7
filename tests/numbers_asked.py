"""Sees which tensors Python asks for their number, as `float`, `bool` and `example` do."""

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["NumbersAsked"]


class NumbersAsked(TorchDispatchMode):
    """Within it notes the dtype of each tensor that is asked.

    A GPU that is asked must first have done all its work, and waits for more meanwhile.
    """

    def __init__(self) -> None:
        super().__init__()
        self.dtypes: list[torch.dtype] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default:
            self.dtypes.append(args[0].dtype)
        return func(*args, **(kwargs or {}))
