"""Two Gaussians on the diagonal of the plane, as a target for a unimodal distribution.

Source: Bishop 2006, "Pattern recognition and machine learning", figure 10.3, fits one normal
distribution to a bimodal one; the numbers are ours.
"""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from datamodules.toy import AbstractModes

__all__ = ["Gaussians2"]


@final
class Gaussians2(AbstractModes):
    """Samples two Gaussians at (-1.5, -1.5) and (1.5, 1.5), standard deviation 0.5."""

    @property
    def modes(self) -> Float[Tensor, "k 2"]:
        return torch.tensor([[-1.5, -1.5], [1.5, 1.5]])

    @property
    def mode_std(self) -> float:
        return 0.5
