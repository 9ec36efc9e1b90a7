"""A correlated normal distribution of the plane: N((1, 1), [[1, r], [r, 1]]).

Source: the example of approximation by a product of distributions with r = 0.9, as in Bishop 2006,
"Pattern recognition and machine learning", figure 10.2.
"""

import math
from typing import final

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from datamodules.toy import AbstractToy

__all__ = ["GaussianEllipse"]


@final
class GaussianEllipse(AbstractToy):
    """Samples the normal distribution of mean (1, 1), unit variances and a correlation.

    Labels are 0.

    Args:
        batch_size: points per batch and process, at least 1.
        num_points: for training and validation together, at least 1; the test set has a tenth as
            many further points.
        num_validation: training points held out for validation; a tenth of them if None.
        seed: of the points; their order depends on the seed of the run.
        correlation: r, in (-1, 1).

    Raises:
        ValueError: if a number is out of its range.
    """

    def __init__(
        self,
        batch_size: int = 256,
        num_points: int = 100_000,
        num_validation: int | None = None,
        seed: int = 0,
        correlation: float = 0.9,
    ) -> None:
        super().__init__(batch_size, num_points, num_validation, seed)
        if not -1 < correlation < 1:
            raise ValueError(f"`correlation` must be in (-1, 1), got {correlation}; try 0.9.")
        self._correlation = correlation

    @property
    def mean(self) -> Float[Tensor, " 2"]:
        """The mean of the distribution."""
        return torch.ones(2)

    @property
    def covariance(self) -> Float[Tensor, "2 2"]:
        """The covariance matrix of the distribution."""
        r = self._correlation
        return torch.tensor([[1.0, r], [r, 1.0]])

    def sample(
        self, n: int, *, generator: torch.Generator
    ) -> tuple[Float[Tensor, "n 2"], Int64[Tensor, " n"]]:
        first, second = torch.randn(n, 2, generator=generator).T
        r = self._correlation
        other = r * first + math.sqrt(1 - r * r) * second
        return self.mean + torch.stack((first, other), 1), torch.zeros(n, dtype=torch.int64)

    def log_density(self, points: Float[Tensor, "n 2"]) -> Float[Tensor, " n"]:
        """Returns the log density of the distribution at each point, differentiable."""
        r = self._correlation
        x, y = (points - self.mean.to(points)).T
        squares = (x * x - 2 * r * x * y + y * y) / (1 - r * r)
        return -0.5 * squares - math.log(2 * math.pi) - 0.5 * math.log1p(-r * r)
