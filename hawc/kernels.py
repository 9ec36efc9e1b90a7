"""Radial kernels of conditionally negative type: what a squared distance between laws is made of.

A kernel is a function h >= 0 of |x - y| with h(x, x) = 0 such that sum_ij p_i p_j h(x_i, x_j) <= 0
whenever sum_i p_i = 0. In every dimension at once these are the Gaussian mixtures (Schoenberg 1938,
Annals of Mathematics 39:811; up to a multiple of |x - y|^2)

    h(x, y) = int_0^inf (1 - exp(-t |x - y|^2)) density(t) dt,

and that is how they are used here: any law whose Gaussian means E exp(-t |x - Z|^2) have a closed
form (``hawc.targets``) gets its exact potential E h(x - Z) for every kernel by one sum over t.
A new kernel is one frozen dataclass with its profile and its density.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = [
    "AbstractKernel",
    "HuberEnergy",
    "full_precision",
    "gaussian_mixture",
    "without_autocast",
]

# The trapezoidal rule in u = log t. The mixture integrand is analytic and bounded for
# |Im u| < pi/2, so a step of 0.4 leaves a relative error near exp(-pi^2 / 0.4) = 2e-11; cutting
# below u = -56 leaves out about 4e-13 |x| of |x|.
_LOG_RATE_STEP = 0.4
_LOG_RATE_RANGE = (-56.0, 56.0)


class AbstractKernel(ABC):
    """A radial kernel h of conditionally negative type; instances are hashable values."""

    @abstractmethod
    def profile(self, squared_norm: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        """Returns h as a function of |x - y|^2, with a finite derivative at 0."""

    @abstractmethod
    def mixture_density(self, rate: Float[Tensor, " t"]) -> Float[Tensor, " t"]:
        """Returns density(t) of h = int (1 - exp(-t |x - y|^2)) density(t) dt for rates t > 0."""

    def __call__(self, x: Float[Tensor, "n d"], y: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
        """Returns the matrix of h(x_i, y_j), differentiable also where points coincide.

        Distances come from coordinate differences: the expansion |x|^2 + |y|^2 - 2 xy loses about
        1e-3 of a small distance in float32.
        """
        x, y = full_precision(x), full_precision(y)
        distance = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
        return self.profile(distance.square())


@final
@dataclass(frozen=True)
class HuberEnergy(AbstractKernel):
    """h(x, y) = sqrt(a^2 + |x - y|^2) - a: the energy distance's |x - y|, smooth within a of 0.

    Args:
        a: length below which h turns quadratic, > 0, in the units of the points. Turinici's slides
            use 1e-6, his code 1e-5.

    Raises:
        ValueError: if `a` is not a positive finite number.

    Source: G. Turinici 2021, "Radon-Sobolev Variational Auto-Encoders", Neural Networks
    141:294-305, arXiv 1911.13135.
    """

    a: float = 1e-5

    def __post_init__(self) -> None:
        if not (self.a > 0 and math.isfinite(self.a)):
            raise ValueError(
                f"`a` must be a positive finite number, got {self.a}; 1e-5 is nearly |x - y|."
            )

    def profile(self, squared_norm: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        # s / (sqrt(a^2 + s) + a) is sqrt(a^2 + s) - a without its cancellation near s = 0
        return squared_norm / ((squared_norm + self.a**2).sqrt() + self.a)

    def mixture_density(self, rate: Float[Tensor, " t"]) -> Float[Tensor, " t"]:
        return rate.pow(-1.5) * (-(self.a**2) * rate).exp() / (2 * math.sqrt(math.pi))


@lru_cache(maxsize=64)
def gaussian_mixture(
    kernel: AbstractKernel, dtype: torch.dtype, device: torch.device
) -> tuple[Float[Tensor, " t"], Float[Tensor, " t"]]:
    """Returns rates t and weights w with h(x, y) = sum_t w (1 - exp(-t |x - y|^2)).

    For HuberEnergy the relative error is below 1e-9 for 1e-3 < |x - y| < 1e3 in float64; beyond,
    h is underestimated smoothly. Not the kernel's cheapest evaluation: that is calling it.

    Args:
        kernel: the kernel to expand.
        dtype: of the result; the nodes are computed in float64 first.
        device: of the result.

    Returns:
        Two vectors of about 200 entries each; the weights have the unit of h.
    """
    with torch.inference_mode(False):  # a cached tensor made in that mode could not be trained by
        log_rate = torch.arange(*_LOG_RATE_RANGE, _LOG_RATE_STEP, dtype=torch.float64)
        rate = log_rate.exp()
        weight = _LOG_RATE_STEP * rate * kernel.mixture_density(rate)
        kept = weight > 0
        return rate[kept].to(device, dtype), weight[kept].to(device, dtype)


def full_precision(x: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
    """Returns half-precision numbers as float32, others as they are.

    A squared distance is a small difference of large means: half precision leaves nothing of it.
    """
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def without_autocast(x: Tensor) -> torch.autocast:
    """Returns a context in which products on x's device are not cast down to half precision."""
    return torch.autocast(x.device.type, enabled=False)
