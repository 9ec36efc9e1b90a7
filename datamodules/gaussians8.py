"""Eight Gaussians on a circle.

Source: a toy distribution of Gulrajani et al. 2017, arXiv 1704.00028, with the numbers of the
authors' code: radius 2, standard deviation 0.02, then all divided by 1.414.
"""

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from datamodules.toy import AbstractModes

__all__ = ["Gaussians8"]

_SCALE = 1.414


@final
class Gaussians8(AbstractModes):
    """Samples 8 Gaussians on a circle of radius 1.414, standard deviation 0.014."""

    @property
    def modes(self) -> Float[Tensor, "k 2"]:
        angles = torch.arange(8) * (2 * math.pi / 8)
        return torch.stack((angles.cos(), angles.sin()), dim=1) * (2 / _SCALE)

    @property
    def mode_std(self) -> float:
        return 0.02 / _SCALE
