"""Sixteen Gaussians on a 4 x 4 grid, the distribution of examples/grid.py.

Source: the figure of this mixture in G. Turinici 2022, arXiv 2202.03008: unit covariance, centres
5 (i, j), i, j = 0, ..., 3.
"""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from datamodules.toy import AbstractModes

__all__ = ["Gaussians16"]


@final
class Gaussians16(AbstractModes):
    """Samples 16 Gaussians of unit variance at the points of a square grid of spacing 5.

    Circles of four standard deviations overlap here, so nearly every point is in one of them.
    """

    @property
    def modes(self) -> Float[Tensor, "k 2"]:
        axis = 5.0 * torch.arange(4.0)
        return torch.cartesian_prod(axis, axis)

    @property
    def mode_std(self) -> float:
        return 1.0
