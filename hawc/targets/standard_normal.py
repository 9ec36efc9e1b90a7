import math
from functools import cached_property, lru_cache
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.blocks import row_blocks
from hawc.kernels import AbstractKernel, cached_mixture
from hawc.points import ArrayLike, as_points
from hawc.precision import without_autocast
from hawc.targets.abstract import AbstractTarget, Potential, PotentialAndGradient
from hawc.targets.checks import checked_dim
from hawc.targets.elliptical_form import EllipticalForm, normal_lengths
from hawc.targets.orthogonal import orthogonal_normal
from hawc.targets.sampling import sample_standard_normal

__all__ = ["StandardNormal"]

_SATURATED = -40.0  # 1 + e^-40 is 1 in float64


@final
class StandardNormal(AbstractTarget):
    """N(0, I) on R^dim; its potential is exact for every kernel.

    With h = int (1 - exp(-t r^2)) density(t) dt the potential is an integral over t of

        E exp(-t |x - Z|^2) = (1 + 2t)^(-dim/2) exp(-t |x|^2 / (1 + 2t)).

    For h = |x - y| it is sqrt(2) G 1F1(-1/2; dim/2; -|x|^2 / 2) with
    G = Gamma((dim+1)/2) / Gamma(dim/2).

    Args:
        dim: number of coordinates, at least 1.

    Raises:
        ValueError: if `dim` is smaller than 1.
    """

    def __init__(self, dim: int) -> None:
        self._dim = checked_dim(dim)

    def __repr__(self) -> str:
        return f"StandardNormal(dim={self._dim})"

    @property
    def dim(self) -> int:
        return self._dim

    @cached_property
    def length_scale(self) -> float:
        return 1.0

    def sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n d"]:
        return sample_standard_normal(n, self._dim, generator=generator)

    def spread_sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n d"]:
        return orthogonal_normal(n, self._dim, generator=generator)

    def potential(self, kernel: AbstractKernel) -> Potential:
        def evaluate(x: Float[Tensor, "n d"] | ArrayLike) -> Float[Tensor, " n"]:
            x = as_points("x", x, dim=self._dim, smallest=0)
            slope, offset, weight = _normal_exponents(kernel, self._dim, x.dtype, x.device)
            with without_autocast(x):
                squared_norms = x.square().sum(1, keepdim=True)
                # the constants include the signs, which saves passes over (n, t) numbers
                return torch.expm1(torch.addcmul(offset, squared_norms, slope)) @ weight

        return evaluate

    def potential_and_gradient(self, kernel: AbstractKernel) -> PotentialAndGradient:
        def evaluate(
            x: Float[Tensor, "n d"] | ArrayLike,
        ) -> tuple[Float[Tensor, " n"], Float[Tensor, "n d"]]:
            x = as_points("x", x, dim=self._dim, smallest=0).detach()
            slope, offset, weight = _normal_exponents(kernel, self._dim, x.dtype, x.device)
            value, slopes = x.new_empty(len(x)), x.new_empty(len(x), 1)
            with without_autocast(x):
                for block in row_blocks(len(x), len(weight)):
                    squared_norms = x[block].square().sum(1, keepdim=True)
                    exponent = torch.addcmul(offset, squared_norms, slope)
                    value[block] = torch.expm1(exponent) @ weight
                    slopes[block, 0] = torch.exp(exponent) @ (2 * slope * weight)
            return value, slopes * x

        return evaluate

    def self_energy(self, kernel: AbstractKernel) -> float:
        # Z - Z' is sqrt(2) times a standard normal vector
        rate, weight = cached_mixture(kernel, torch.float64, torch.device("cpu"))
        mean = -torch.expm1(-0.5 * self._dim * torch.log1p(4 * rate))
        return 0.5 * float(weight @ mean)

    def elliptical_form(self) -> EllipticalForm:
        return EllipticalForm(self._dim, *normal_lengths(self._dim))


@lru_cache(maxsize=64)
def _normal_exponents(
    kernel: AbstractKernel, dim: int, dtype: torch.dtype, device: torch.device
) -> tuple[Float[Tensor, " t"], Float[Tensor, " t"], Float[Tensor, " t"]]:
    """Returns slope, offset and weight of each term of the potential.

        E h(x - Z) = sum_t weight (e^(slope |x|^2 + offset) - 1)

    The last offset is -inf, so that its term is a constant. All are computed in float64 before the
    cast: log1p(2t) would lose small t in float32.
    """
    with torch.inference_mode(False):  # autograd could not use a cached inference tensor
        rate, weight = cached_mixture(kernel, torch.float64, torch.device("cpu"))
        slope = -rate / (1 + 2 * rate)
        offset = -0.5 * dim * torch.log1p(2 * rate)
        # the terms of fast rates are -weight at every x, a third of them in many dimensions, and
        # become one term
        varying = offset > _SATURATED
        slope = torch.cat([slope[varying], slope.new_zeros(1)])
        offset = torch.cat([offset[varying], offset.new_full((1,), -math.inf)])
        weight = torch.cat([weight[varying], weight[~varying].sum()[None]])
        return slope.to(device, dtype), offset.to(device, dtype), -weight.to(device, dtype)
