"""Radial kernels of conditionally negative type: what a squared distance between laws is made of.

A kernel is a function h >= 0 of |x - y| with h(x, x) = 0 such that sum_ij p_i p_j h(x_i, x_j) <= 0
whenever sum_i p_i = 0. In every dimension at once these are the Gaussian mixtures (Schoenberg 1938,
Annals of Mathematics 39:811; up to a multiple of |x - y|^2)

    h(x, y) = int_0^inf (1 - exp(-t |x - y|^2)) density(t) dt,

a sum over rates t for a computer. That is how they are used here: any law whose Gaussian means
E exp(-t |x - Z|^2) have a closed form (``hawc.targets``) gets its exact potential E h(x - Z) for
every kernel by one sum over t.
A new kernel is one frozen dataclass with its profile, the derivative of it and its mixture.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.points import full_precision

__all__ = [
    "AbstractKernel",
    "Energy",
    "GaussianComplement",
    "HuberEnergy",
    "Mixture",
    "Power",
    "Quotient",
    "full_precision",
    "gaussian_mixture",
    "mixture_of_density",
    "without_autocast",
]

# The trapezoidal rule in u = log t. The mixture integrands are analytic and bounded for
# |Im u| < pi/2, so a step of 0.3 leaves a relative error near exp(-pi^2 / 0.3) = 5e-15.
_LOG_RATE_STEP = 0.3
_LOG_RATE_RANGE = (-56.0, 56.0)

Mixture = tuple[Float[Tensor, " t"], Float[Tensor, " t"]]


class AbstractKernel(ABC):
    """A radial kernel h of conditionally negative type; instances are hashable values."""

    @abstractmethod
    def profile(self, squared_norm: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        """Returns h as a function of s = |x - y|^2, with a finite gradient in x at x = y."""

    @abstractmethod
    def slope(self, squared_norm: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        """Returns dh/ds, so that the gradient of h in x is 2 (x - y) dh/ds; finite at s = 0."""

    @abstractmethod
    def mixture(self) -> Mixture:
        """Returns rates t > 0 and weights w > 0 with h = sum_t w (1 - exp(-t s)), in float64."""

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
class Energy(AbstractKernel):
    """h(x, y) = |x - y|, the energy distance's; its gradient at x = y is taken as 0.

    Source: Szekely and Rizzo 2013, "Energy statistics", J. Stat. Planning and Inference 143:1249.
    """

    def profile(self, squared_norm: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        apart = squared_norm > 0  # the root of 0 has no derivative
        return torch.where(apart, squared_norm, 1).sqrt().where(apart, 0)

    def slope(self, squared_norm: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        return torch.where(squared_norm > 0, 0.5 * squared_norm.rsqrt(), 0)

    def mixture(self) -> Mixture:
        return mixture_of_density(lambda rate: _power_density(rate, 0.5, 0.0))


@final
@dataclass(frozen=True)
class HuberEnergy(AbstractKernel):
    """h(x, y) = sqrt(a^2 + |x - y|^2) - a: the energy distance's |x - y|, smooth within a of 0.

    Args:
        a: length below which h turns quadratic, > 0, in the units of the points. Turinici's slides
            use 1e-6, his code 1e-5.

    Raises:
        ValueError: if `a` is not from 1e-12 to 1e8.

    Source: G. Turinici 2021, "Radon-Sobolev Variational Auto-Encoders", Neural Networks
    141:294-305, arXiv 1911.13135.
    """

    a: float = 1e-5

    def __post_init__(self) -> None:
        _check_positive("a", self.a, "1e-5 is nearly |x - y|")

    def profile(self, squared_norm: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        # s / (sqrt(a^2 + s) + a) is sqrt(a^2 + s) - a without its cancellation near s = 0; and
        # t / sqrt(t), the reciprocal root being three times as fast as torch's root
        shifted = squared_norm + self.a**2
        return squared_norm / (shifted * shifted.rsqrt() + self.a)

    def slope(self, squared_norm: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        return 0.5 * (squared_norm + self.a**2).rsqrt()

    def mixture(self) -> Mixture:
        return mixture_of_density(lambda rate: _power_density(rate, 0.5, self.a))


@final
@dataclass(frozen=True)
class Power(AbstractKernel):
    """h(x, y) = (a^2 + |x - y|^2)^alpha - a^(2 alpha); alpha = 1/2 is `HuberEnergy`.

    Args:
        alpha: in (0, 1); large values weigh large distances more.
        a: length below which h turns quadratic, > 0, in the units of the points.

    Raises:
        ValueError: if an argument is out of its range.

    Source: G. Turinici 2022, arXiv 2202.03008.
    """

    alpha: float = 0.5
    a: float = 1e-5

    def __post_init__(self) -> None:
        _check_positive("a", self.a, "1e-5 is nearly |x - y|^(2 alpha)")
        if not 0 < self.alpha < 1:
            raise ValueError(
                f"`alpha` must be in (0, 1), got {self.alpha}; only there is h of negative type."
            )

    def profile(self, squared_norm: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        # a^(2 alpha) ((1 + s / a^2)^alpha - 1) without its cancellation near s = 0
        growth = torch.expm1(self.alpha * torch.log1p(squared_norm / self.a**2))
        return growth * math.pow(self.a, 2 * self.alpha)

    def slope(self, squared_norm: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        return self.alpha * (squared_norm + self.a**2).pow(self.alpha - 1)

    def mixture(self) -> Mixture:
        return mixture_of_density(lambda rate: _power_density(rate, self.alpha, self.a))


@final
@dataclass(frozen=True)
class Quotient(AbstractKernel):
    """h(x, y) = |x - y|^2 / (a^2 + |x - y|^2)^alpha: quadratic below a, a power above.

    Args:
        alpha: in (0, 1]; h grows like |x - y|^(2 - 2 alpha), and is bounded by 1 for alpha = 1.
        a: length at which the growth changes, > 0, in the units of the points.

    Raises:
        ValueError: if an argument is out of its range.

    Source: G. Turinici 2022, arXiv 2202.03008; it is (a^2 + s)^(1 - alpha) - a^2 (a^2 + s)^-alpha.
    """

    alpha: float = 0.5
    a: float = 1.0

    def __post_init__(self) -> None:
        _check_positive("a", self.a, "1.0 suits points of unit variance")
        if not 0 < self.alpha <= 1:
            raise ValueError(
                f"`alpha` must be in (0, 1], got {self.alpha}; only there is h of negative type."
            )

    def profile(self, squared_norm: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        return squared_norm * (squared_norm + self.a**2).pow(-self.alpha)

    def slope(self, squared_norm: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        shifted = squared_norm + self.a**2
        return (self.a**2 + (1 - self.alpha) * squared_norm) * shifted.pow(-1 - self.alpha)

    def mixture(self) -> Mixture:
        def density(rate: Float[Tensor, " t"]) -> Float[Tensor, " t"]:
            # a^2 ((a^2)^-alpha - (a^2 + s)^-alpha) is the mixture of a^2 t^(alpha - 1) e^(-a^2 t)
            bounded = self.a**2 * rate.pow(self.alpha - 1) * (-(self.a**2) * rate).exp()
            return _power_density(rate, 1 - self.alpha, self.a) + bounded / math.gamma(self.alpha)

        return mixture_of_density(density)


@final
@dataclass(frozen=True)
class GaussianComplement(AbstractKernel):
    """h(x, y) = 1 - exp(-|x - y|^2 / (2 bandwidth^2)); half the squared Gaussian-kernel MMD's.

    Args:
        bandwidth: > 0, in the units of the points. sqrt(pi) is the mean distance of two draws of
            N(0, I) in the plane; far below it h is blind to all but coincidences.

    Raises:
        ValueError: if `bandwidth` is not from 1e-12 to 1e8.

    Source: Gretton et al. 2012, "A kernel two-sample test", JMLR 13:723.
    """

    bandwidth: float = math.sqrt(math.pi)

    def __post_init__(self) -> None:
        _check_positive("bandwidth", self.bandwidth, "the points' mean distance is a good start")

    def profile(self, squared_norm: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        return -torch.expm1(-squared_norm / (2 * self.bandwidth**2))

    def slope(self, squared_norm: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        scale = 2 * self.bandwidth**2
        return (-squared_norm / scale).exp() / scale

    def mixture(self) -> Mixture:
        rate = torch.tensor([0.5 / self.bandwidth**2], dtype=torch.float64)
        return rate, torch.ones_like(rate)


def mixture_of_density(density: Callable[[Float[Tensor, " t"]], Float[Tensor, " t"]]) -> Mixture:
    """Returns rates and weights of h = int_0^inf (1 - exp(-t s)) density(t) dt, some 370 each.

    The trapezoidal rule in log t. Beyond its ends the density is continued as a power of t, which
    makes what is left out a geometric series: of w t s below the first rate, of w above the last.

    Args:
        density: non-negative, given rates in float64.
    """
    rate = torch.arange(*_LOG_RATE_RANGE, _LOG_RATE_STEP, dtype=torch.float64).exp()
    weight = _LOG_RATE_STEP * rate * density(rate)
    weight[0] /= 1 - weight[0] * rate[0] / (weight[1] * rate[1])
    rate, weight = rate[weight > 0], weight[weight > 0]
    weight[-1] /= 1 - weight[-1] / weight[-2]
    return rate, weight


def _power_density(rate: Float[Tensor, " t"], alpha: float, a: float) -> Float[Tensor, " t"]:
    """Returns the density of (a^2 + s)^alpha - a^(2 alpha), 0 <= alpha < 1."""
    return alpha / math.gamma(1 - alpha) * rate.pow(-1 - alpha) * (-(a**2) * rate).exp()


def _check_positive(name: str, value: float, advice: str) -> None:
    # beyond 1e8 rates near 1 / a^2 leave the mixture; below 1e-12 |x - y|^2 / a^2 leaves float32
    if not 1e-12 <= value <= 1e8:
        raise ValueError(f"`{name}` must be from 1e-12 to 1e8, got {value}; {advice}.")


@lru_cache(maxsize=64)
def gaussian_mixture(kernel: AbstractKernel, dtype: torch.dtype, device: torch.device) -> Mixture:
    """Returns the kernel's mixture in a dtype on a device, remembered."""
    with torch.inference_mode(False):  # a cached tensor made in that mode could not be trained by
        rate, weight = kernel.mixture()
        return rate.to(device, dtype), weight.to(device, dtype)


def without_autocast(x: Tensor) -> torch.autocast:
    """Returns a context in which products on x's device are not cast down to half precision."""
    return torch.autocast(x.device.type, enabled=False)
