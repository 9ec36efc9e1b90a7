"""The Swiss roll seen from its end: a spiral in the plane.

A point is (t cos t, t sin t) / 7.5 with t uniform on [3 pi / 2, 9 pi / 2], plus Gaussian noise.

Source: Marsland 2009, "Machine Learning: An Algorithmic Perspective"; the noise of 0.25 and the
division by 7.5 are those of Gulrajani et al. 2017, arXiv 1704.00028, in the authors' code.
"""

import math
from typing import final

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from datamodules.toy import AbstractToy

__all__ = ["SwissRoll"]

_NOISE, _SCALE = 0.25, 7.5


@final
class SwissRoll(AbstractToy):
    """Samples a spiral of one and a half turns with noise of deviation 0.033; labels are 0."""

    def sample(
        self, n: int, *, generator: torch.Generator
    ) -> tuple[Float[Tensor, "n 2"], Int64[Tensor, " n"]]:
        t = 1.5 * math.pi * (1 + 2 * torch.rand(n, generator=generator))
        spiral = torch.stack((t * t.cos(), t * t.sin()), dim=1)
        noise = _NOISE * torch.randn(n, 2, generator=generator)
        return (spiral + noise) / _SCALE, torch.zeros(n, dtype=torch.int64)
