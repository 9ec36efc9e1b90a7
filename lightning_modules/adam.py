"""Adam as a model's default."""

from collections.abc import Iterable
from typing import final

import torch
from torch import Tensor

__all__ = ["AdamWithBetas"]


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
