"""Ways to bound a critic, as functions."""

from collections.abc import Iterable

import torch
from torch import nn

__all__ = ["clip_weights"]


@torch.no_grad()
def clip_weights(parameters: Iterable[nn.Parameter], bound: float) -> None:
    """Moves every weight into [-bound, bound], in place.

    Source: Arjovsky, Chintala and Bottou 2017, arXiv 1701.07875, Algorithm 1, line 7.
    """
    for parameter in parameters:
        parameter.clamp_(-bound, bound)
