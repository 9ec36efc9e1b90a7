"""The uniform distribution on a cube, by three formulas for Gaussian means.

For a side s the mean E exp(-t (x - U)^2) is

    sqrt(pi / t) / (2 s) (erf(sqrt(t) (x - low)) - erf(sqrt(t) (x - high))).

This is used for t s^2 > 1 only. For small t it is nearly 1, and 1 minus it would cancel.
"""

import math
from functools import cached_property, lru_cache
from typing import final

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hawc.arguments import real_number
from hawc.kernels import AbstractKernel, cached_mixture
from hawc.points import ArrayLike, as_points
from hawc.precision import without_autocast
from hawc.targets.abstract import AbstractTarget, Potential
from hawc.targets.checks import checked_dim
from hawc.targets.length_scale import rescaled_kernel
from hawc.targets.row_evaluation import in_row_blocks
from hawc.targets.sampling import check_sample_arguments, random_and_result_dtypes

__all__ = ["UniformCube"]

# Gauss-Legendre on [-1, 1]. Eight nodes integrate exp(-t (x - u)^2) over a side with t s^2 <= 1 to
# 2e-13 for every x. The mean of 1 - exp(..) is then a sum of positive terms.
_NODES, _NODE_WEIGHTS = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(8))
# Below this t s^2 the normal distribution with the same variance replaces the uniform one. The
# fourth cumulant would change 1 minus the mean by a relative t s^2 / 20 at most.
_NEARLY_NORMAL = 1e-10


@final
class UniformCube(AbstractTarget):
    """The uniform distribution on [low, high]^dim, with an exact potential.

    Rounding aside, the relative error is that of the kernel's mixture plus 5e-12.

    Args:
        dim: number of coordinates, at least 1.
        low: lower end of each coordinate.
        high: upper end, above `low`.

    Raises:
        ValueError: if `dim` is smaller than 1, an end is not finite or `low` not below `high`.
    """

    def __init__(self, dim: int, low: float = 0.0, high: float = 1.0) -> None:
        self._dim = checked_dim(dim)
        self.low, self.high = real_number("low", low), real_number("high", high)
        self._side = self.high - self.low
        if not (0 < self._side < math.inf):
            raise ValueError(f"`low` must be below `high`, both finite, got {low} and {high}.")

    def __repr__(self) -> str:
        return f"UniformCube(dim={self._dim}, low={self.low}, high={self.high})"

    @property
    def dim(self) -> int:
        return self._dim

    @cached_property
    def length_scale(self) -> float:
        return self._side

    def sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n d"]:
        check_sample_arguments(n, generator)
        dtype, returned = random_and_result_dtypes()
        shape, device = (n, self._dim), generator.device
        share = torch.rand(shape, generator=generator, device=device, dtype=dtype)
        return self.low + self._side * share.to(returned)

    def potential(self, kernel: AbstractKernel) -> Potential:
        scaled, factor, unit = rescaled_kernel(kernel, self._side)
        if unit != 1:
            potential = self._rescaled(unit).potential(scaled)
            return lambda x: factor * potential(as_points("x", x, smallest=0) / unit)

        @lru_cache(maxsize=8)
        def mixture(
            dtype: torch.dtype, device: torch.device
        ) -> tuple[
            Float[Tensor, " slow"], Float[Tensor, " middle"], Float[Tensor, " fast"], Tensor
        ]:
            with torch.inference_mode(False):
                rate, weight = cached_mixture(kernel, torch.float64, torch.device("cpu"))
                ranges = self._ranges(rate)
                weight = torch.cat([weight[range_] for range_ in ranges])
                slow, middle, fast = (rate[range_].to(device, dtype) for range_ in ranges)
                return slow, middle, fast, weight.to(device, dtype)

        def block(x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
            slow, middle, fast, weight = mixture(x.dtype, x.device)
            exponents = [
                self._normal_exponent(x, slow),
                _product_exponent(self._mean_complement(x, middle)),
                _product_exponent(self._erf_complement(x, fast)),
            ]
            return -torch.expm1(-torch.cat(exponents, 1)) @ weight

        def evaluate(x: Float[Tensor, "n d"] | ArrayLike) -> Float[Tensor, " n"]:
            x = as_points("x", x, dim=self._dim, smallest=0)
            slow, middle, fast, _ = mixture(x.dtype, x.device)
            entries = len(slow) + self._dim * (len(_NODES) * len(middle) + len(fast))
            with without_autocast(x):
                return in_row_blocks(block, x, entries)

        return evaluate

    def self_energy(self, kernel: AbstractKernel) -> float:
        scaled, factor, unit = rescaled_kernel(kernel, self._side)
        if unit != 1:
            return factor * self._rescaled(unit).self_energy(scaled)
        # |U - U'| has the density 2 (1 - r / s) / s; for fast rates its integral is in closed form
        rate, weight = cached_mixture(kernel, torch.float64, torch.device("cpu"))
        fast = rate * self._side**2 > 1
        share = (1 + _NODES) / 2
        decay = torch.outer(share.square(), rate[~fast] * self._side**2)
        slow_complement = (_NODE_WEIGHTS * (1 - share)) @ -torch.expm1(-decay)
        width = rate[fast].sqrt() * self._side
        fast_mean = (math.sqrt(math.pi) * width * width.erf() + torch.expm1(-(width**2))) / width**2
        complement = torch.cat([slow_complement, 1 - fast_mean])
        mean = -torch.expm1(-_product_exponent(complement.expand(1, self._dim, -1)))
        return 0.5 * float(mean @ torch.cat([weight[~fast], weight[fast]]))

    def _rescaled(self, unit: float) -> "UniformCube":
        return UniformCube(self._dim, self.low / unit, self.high / unit)

    def _ranges(self, rate: Float[Tensor, " t"]) -> list[Bool[Tensor, " t"]]:
        decay = rate * self._side**2
        nearly_normal, fast = decay < _NEARLY_NORMAL, decay > 1
        return [nearly_normal, ~(nearly_normal | fast), fast]

    def _normal_exponent(
        self, x: Float[Tensor, "n d"], rate: Float[Tensor, " t"]
    ) -> Float[Tensor, "n t"]:
        """Returns -log E exp(-t |x - Z|^2) for a normal Z with the cube's moments."""
        spread = rate * (self._side**2 / 6)
        squares = (x - (self.low + self.high) / 2).square().sum(1)
        return torch.outer(squares, rate / (1 + spread)) + 0.5 * self._dim * spread.log1p()

    def _mean_complement(
        self, x: Float[Tensor, "n d"], rate: Float[Tensor, " t"]
    ) -> Float[Tensor, "n d t"]:
        """Returns 1 - E exp(-t (x_i - U)^2) by quadrature, for t s^2 <= 1."""
        nodes = self.low + self._side * (1 + _NODES.to(x)) / 2
        squares = (x[:, :, None] - nodes).square()
        complement = -torch.expm1(-squares[:, :, None] * rate[:, None])  # (n, d, t, nodes)
        return complement @ (_NODE_WEIGHTS.to(x) / 2)

    def _erf_complement(
        self, x: Float[Tensor, "n d"], rate: Float[Tensor, " t"]
    ) -> Float[Tensor, "n d t"]:
        """Returns 1 - E exp(-t (x_i - U)^2) in closed form, > 0.07 for t s^2 > 1."""
        root = rate.sqrt()
        above, below = x[:, :, None] - self.low, x[:, :, None] - self.high
        difference = (root * above).erf() - (root * below).erf()
        return 1 - 0.5 * math.sqrt(math.pi) / self._side * difference / root


def _product_exponent(complement: Float[Tensor, "n d t"]) -> Float[Tensor, "n t"]:
    """Returns -log prod_i (1 - complement_i), finite also where a factor is 0."""
    largest = 1 - torch.finfo(complement.dtype).eps  # 1 - product is 1 with such a factor
    return -complement.clamp(max=largest).neg().log1p().sum(1)
