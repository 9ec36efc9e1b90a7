"""Twenty-five Gaussians on a 5 x 5 grid.

Source: the toy distribution of Gulrajani et al. 2017, arXiv 1704.00028, with the numbers of the
authors' code: centres at 2 (i, j), i, j = -2, ..., 2, standard deviation 0.05, then all divided by
2.828, so that a coordinate has a variance of about 1.
"""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from datamodules.toy import AbstractModes

__all__ = ["Gaussians25"]

_SCALE = 2.828


@final
class Gaussians25(AbstractModes):
    """Samples 25 Gaussians at the points of a square grid of spacing 0.71, deviation 0.018."""

    @property
    def modes(self) -> Float[Tensor, "k 2"]:
        axis = 2 * torch.arange(-2.0, 3.0) / _SCALE
        return torch.cartesian_prod(axis, axis)

    @property
    def mode_std(self) -> float:
        return 0.05 / _SCALE
