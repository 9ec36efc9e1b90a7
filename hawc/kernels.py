"""Radial kernels of conditionally negative type, which define squared distances.

A kernel h >= 0 is a function of |x - y| with h(x, x) = 0 and

    sum_ij p_i p_j h(x_i, x_j) <= 0    whenever    sum_i p_i = 0.

The functions with this property in every dimension are the Gaussian mixtures (Schoenberg 1938,
Annals of Mathematics 39:811; up to a multiple of |x - y|^2)

    h(x, y) = int_0^inf (1 - exp(-t |x - y|^2)) density(t) dt.

Numerically the integral is a sum over rates t. Many distributions have Gaussian means
E exp(-t |x - Z|^2) in closed form (``hawc.targets``). Their potential E h(x - Z) is then exact for
every kernel: one sum over t.

A new kernel is one frozen dataclass with its profile, the profile's derivative and its mixture.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.arguments import check_instance, real_number
from hawc.mixtures import Mixture, mixture_of_density, power_density
from hawc.points import ArrayLike, as_points, promoted
from hawc.precision import exact_distances

__all__ = [
    "AbstractKernel",
    "Energy",
    "GaussianComplement",
    "HuberEnergy",
    "Mixture",
    "Power",
    "Quotient",
    "cached_mixture",
    "mixture_of_density",
]

_LENGTHS = (1e-18, 1e18)


class AbstractKernel(ABC):
    """A radial kernel h of conditionally negative type, as a hashable value."""

    @abstractmethod
    def profile(self, squared_norm: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        """Returns h at s = |x - y|^2. Its gradient in x must be finite at x = y."""

    @abstractmethod
    def slope(self, squared_norm: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        """Returns dh/ds, finite at s = 0. The gradient of h in x is 2 (x - y) dh/ds."""

    @abstractmethod
    def mixture(self) -> Mixture:
        """Returns rates t > 0 and weights w > 0, in float64: h = sum_t w (1 - exp(-t s))."""

    def rescaled(self, length: float) -> "tuple[AbstractKernel, float] | None":
        """Returns a kernel k and a factor f with h(length r) = f k(r).

        Targets of very small or large scale use it to keep their digits. The default is None: the
        kernel itself is used at every scale.
        """
        del length
        return None

    def __call__(
        self, x: Float[Tensor, "n d"] | ArrayLike, y: Float[Tensor, "m d"] | ArrayLike
    ) -> Float[Tensor, "n m"]:
        """Returns the matrix of h(x_i, y_j), differentiable also where points coincide.

        Distances are exact. In float32 the expansion |x|^2 + |y|^2 - 2 xy would lose about 1e-3 of
        a small distance.
        """
        x, y = promoted(as_points("x", x, smallest=0), as_points("y", y, smallest=0))
        return self.profile(exact_distances(x, y).square())


@final
@dataclass(frozen=True)
class Energy(AbstractKernel):
    """h(x, y) = |x - y|, the kernel of the energy distance.

    Its gradient at x = y is set to 0.

    Source: Szekely and Rizzo 2013, "Energy statistics", J. Stat. Planning and Inference 143:1249.
    """

    def profile(self, squared_norm: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        positive = squared_norm > 0  # the root of 0 has no derivative
        return torch.where(positive, squared_norm, 1).sqrt().where(positive, 0)

    def slope(self, squared_norm: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        return torch.where(squared_norm > 0, 0.5 * squared_norm.rsqrt(), 0)

    def rescaled(self, length: float) -> tuple[AbstractKernel, float]:
        return self, length

    def mixture(self) -> Mixture:
        return mixture_of_density(lambda rate: power_density(rate, 0.5, 0.0))


@final
@dataclass(frozen=True)
class HuberEnergy(AbstractKernel):
    """h(x, y) = sqrt(a^2 + |x - y|^2) - a: nearly |x - y|, but smooth at 0.

    Args:
        a: length below which h is quadratic, > 0, in the units of the points. Turinici's slides
            use 1e-6, his code 1e-5.

    Raises:
        ValueError: if `a` is not from 1e-18 to 1e18.

    Source: G. Turinici 2021, "Radon-Sobolev Variational Auto-Encoders", Neural Networks
    141:294-305, arXiv 1911.13135.
    """

    a: float = 1e-5

    def __post_init__(self) -> None:
        _check_positive("a", self.a, "1e-5 is nearly |x - y|")

    def profile(self, squared_norm: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        # s / (sqrt(a^2 + s) + a) is sqrt(a^2 + s) - a without cancellation near s = 0. The root is
        # t rsqrt(t), since torch's rsqrt is three times as fast as its sqrt
        shifted = squared_norm + self.a**2
        return squared_norm / (shifted * shifted.rsqrt() + self.a)

    def slope(self, squared_norm: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        return 0.5 * (squared_norm + self.a**2).rsqrt()

    def rescaled(self, length: float) -> tuple[AbstractKernel, float]:
        return replace(self, a=_within_range(self.a / length)), length

    def mixture(self) -> Mixture:
        return mixture_of_density(lambda rate: power_density(rate, 0.5, self.a), self.a)


@final
@dataclass(frozen=True)
class Power(AbstractKernel):
    """h(x, y) = (a^2 + |x - y|^2)^alpha - a^(2 alpha); alpha = 1/2 is `HuberEnergy`.

    Args:
        alpha: in (0, 1). Larger values give more weight to large distances.
        a: length below which h is quadratic, > 0, in the units of the points.

    Raises:
        ValueError: if an argument is out of its range.

    Source: G. Turinici 2022, arXiv 2202.03008.
    """

    alpha: float = 0.5
    a: float = 1e-5

    def __post_init__(self) -> None:
        _check_positive("a", self.a, "1e-5 is nearly |x - y|^(2 alpha)")
        if not 0 < real_number("alpha", self.alpha) < 1:
            raise ValueError(
                f"`alpha` must be in (0, 1), got {self.alpha}; h is of negative type only there."
            )

    def profile(self, squared_norm: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        # (a^2 + s)^alpha (1 - (1 + s / a^2)^-alpha) does not cancel near s = 0, and stays right
        # where s / a^2 overflows float32
        decay = torch.expm1(-self.alpha * torch.log1p(squared_norm / self.a**2))
        return -decay * (squared_norm + self.a**2).pow(self.alpha)

    def slope(self, squared_norm: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        return self.alpha * (squared_norm + self.a**2).pow(self.alpha - 1)

    def rescaled(self, length: float) -> tuple[AbstractKernel, float]:
        return replace(self, a=_within_range(self.a / length)), length ** (2 * self.alpha)

    def mixture(self) -> Mixture:
        return mixture_of_density(lambda rate: power_density(rate, self.alpha, self.a), self.a)


@final
@dataclass(frozen=True)
class Quotient(AbstractKernel):
    """h(x, y) = |x - y|^2 / (a^2 + |x - y|^2)^alpha: quadratic below a, a power above.

    Args:
        alpha: in (0, 1]. h grows like |x - y|^(2 - 2 alpha); for alpha = 1 it is bounded by 1.
        a: length at which the growth changes, > 0, in the units of the points.

    Raises:
        ValueError: if an argument is out of its range.

    Source: G. Turinici 2022, arXiv 2202.03008; it is (a^2 + s)^(1 - alpha) - a^2 (a^2 + s)^-alpha.
    """

    alpha: float = 0.5
    a: float = 1.0

    def __post_init__(self) -> None:
        _check_positive("a", self.a, "1.0 suits points of unit variance")
        if not 0 < real_number("alpha", self.alpha) <= 1:
            raise ValueError(
                f"`alpha` must be in (0, 1], got {self.alpha}; h is of negative type only there."
            )

    def profile(self, squared_norm: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        return squared_norm * (squared_norm + self.a**2).pow(-self.alpha)

    def slope(self, squared_norm: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        shifted = squared_norm + self.a**2
        return (self.a**2 + (1 - self.alpha) * squared_norm) * shifted.pow(-1 - self.alpha)

    def rescaled(self, length: float) -> tuple[AbstractKernel, float]:
        return replace(self, a=_within_range(self.a / length)), length ** (2 - 2 * self.alpha)

    def mixture(self) -> Mixture:
        def density(rate: Float[Tensor, " t"]) -> Float[Tensor, " t"]:
            # a^2 ((a^2)^-alpha - (a^2 + s)^-alpha) is the mixture of a^2 t^(alpha - 1) e^(-a^2 t)
            bounded = self.a**2 * rate.pow(self.alpha - 1) * (-(self.a**2) * rate).exp()
            return power_density(rate, 1 - self.alpha, self.a) + bounded / math.gamma(self.alpha)

        return mixture_of_density(density, self.a)


@final
@dataclass(frozen=True)
class GaussianComplement(AbstractKernel):
    """h(x, y) = 1 - exp(-|x - y|^2 / (2 bandwidth^2)).

    Its squared distance is half the squared maximum mean discrepancy of the Gaussian kernel.

    Args:
        bandwidth: > 0, in the units of the points. sqrt(pi) is the mean distance of two samples of
            N(0, I) in the plane. With a much smaller bandwidth h is nearly constant: it is 0 where
            points coincide, and else near 1.

    Raises:
        ValueError: if `bandwidth` is not from 1e-18 to 1e18.

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

    def rescaled(self, length: float) -> tuple[AbstractKernel, float]:
        return replace(self, bandwidth=_within_range(self.bandwidth / length)), 1.0

    def mixture(self) -> Mixture:
        rate = torch.tensor([0.5 / self.bandwidth**2], dtype=torch.float64, device="cpu")
        return rate, torch.ones_like(rate)


def _check_positive(name: str, value: float, advice: str) -> None:
    # the squares of such lengths are normal numbers of float32
    if not _LENGTHS[0] <= real_number(name, value) <= _LENGTHS[1]:
        raise ValueError(f"`{name}` must be from 1e-18 to 1e18, got {value}; {advice}.")


def _within_range(length: float) -> float:
    return min(max(length, _LENGTHS[0]), _LENGTHS[1])


@lru_cache(maxsize=64)
def cached_mixture(kernel: AbstractKernel, dtype: torch.dtype, device: torch.device) -> Mixture:
    """Returns the kernel's mixture in a dtype on a device, from a cache."""
    check_instance("kernel", kernel, AbstractKernel)
    # autograd cannot use a cached inference tensor, and a later caller may have another default
    # device
    with torch.inference_mode(False), torch.device("cpu"):
        rate, weight = kernel.mixture()
        return rate.to(device, dtype), weight.to(device, dtype)
