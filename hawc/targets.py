"""Laws to sample like: each draws points and knows its exact mean distance to any point.

The potential of a law mu is x -> E h(x - Z), Z ~ mu; with the self energy 1/2 E h(Z - Z') it gives
the squared distance of any point set to mu without a single random draw (``hawc.distances``).
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import lru_cache
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.blocks import double_sum, row_blocks
from hawc.kernels import (
    AbstractKernel,
    HuberEnergy,
    full_precision,
    gaussian_mixture,
    without_autocast,
)

__all__ = ["AbstractTarget", "Empirical", "Potential", "StandardNormal", "StudentT"]

Potential = Callable[[Float[Tensor, "n d"]], Float[Tensor, " n"]]


class AbstractTarget(ABC):
    """A probability law on R^dim."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """The number of coordinates of a point."""

    @abstractmethod
    def sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """Returns n independent draws, in torch's default dtype, on the generator's device."""

    @abstractmethod
    def potential(self, kernel: AbstractKernel) -> Potential:
        """Returns the function x -> E h(x - Z), differentiable, in its argument's dtype.

        Half-precision arguments are raised to float32.
        """

    @abstractmethod
    def self_energy(self, kernel: AbstractKernel) -> float:
        """Returns 1/2 E h(Z - Z') for independent Z, Z' of this law.

        An i.i.d. sample of size n is at squared distance self_energy / n from the law on average.
        """


@final
class StandardNormal(AbstractTarget):
    """N(0, I) on R^dim; its potential is exact for every kernel.

    With h = int (1 - exp(-t r^2)) density(t) dt and E exp(-t |x - Z|^2) =
    (1 + 2t)^(-dim/2) exp(-t |x|^2 / (1 + 2t)) nothing but a sum over t is left. For |x - y| it is
    sqrt(2) G 1F1(-1/2; dim/2; -|x|^2 / 2), G = Gamma((dim+1)/2) / Gamma(dim/2).

    Args:
        dim: number of coordinates, at least 1.

    Raises:
        ValueError: if `dim` is smaller than 1.
    """

    def __init__(self, dim: int) -> None:
        self._dim = _checked_dim(dim)

    def __repr__(self) -> str:
        return f"StandardNormal(dim={self._dim})"

    @property
    def dim(self) -> int:
        return self._dim

    def sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n d"]:
        return torch.randn(n, self._dim, generator=generator, device=generator.device)

    def potential(self, kernel: AbstractKernel) -> Potential:
        def evaluate(x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
            x = full_precision(x)
            slope, offset, weight = _normal_exponents(kernel, self._dim, x.dtype, x.device)
            with without_autocast(x):
                exponent = torch.outer(x.square().sum(1), slope) + offset  # (n, t)
                return -torch.expm1(-exponent) @ weight

        return evaluate

    def self_energy(self, kernel: AbstractKernel) -> float:
        # Z - Z' is sqrt(2) times a standard normal
        rate, weight = gaussian_mixture(kernel, torch.float64, torch.device("cpu"))
        mean = -torch.expm1(-0.5 * self._dim * torch.log1p(4 * rate))
        return 0.5 * float(weight @ mean)


@lru_cache(maxsize=64)
def _normal_exponents(
    kernel: AbstractKernel, dim: int, dtype: torch.dtype, device: torch.device
) -> tuple[Float[Tensor, " t"], Float[Tensor, " t"], Float[Tensor, " t"]]:
    """Returns slope, offset, weight with E h(x - Z) = sum_t weight (1 - e^-(slope |x|^2 + offset)).

    Computed in float64 before the cast: log1p(2t) loses its small t in float32 otherwise.
    """
    with torch.inference_mode(False):  # a cached tensor made in that mode could not be trained by
        rate, weight = gaussian_mixture(kernel, torch.float64, torch.device("cpu"))
        slope = rate / (1 + 2 * rate)
        offset = 0.5 * dim * torch.log1p(2 * rate)
        return slope.to(device, dtype), offset.to(device, dtype), weight.to(device, dtype)


@final
class StudentT(AbstractTarget):
    """The multivariate Student t law with dim + 1 degrees of freedom and scale matrix scale^2 I.

    For exactly this number of degrees of freedom E |x - Y| = sqrt(|x|^2 + (dim + 1) scale^2), a
    multiquadric. The Radon-Sobolev VAE approximates the potential of the normal law by such a
    function, so its latent codes are drawn to this law instead (`StudentT.approximating_normal`).

    Args:
        dim: number of coordinates, at least 1.
        scale: > 0, in the units of the points.

    Raises:
        ValueError: if `dim` is smaller than 1 or `scale` is not positive and finite.

    Source: derived by comparing Fourier transforms, both equal to a constant times
    |w|^-(dim+1) (c |w|)^((dim+1)/2) K_((dim+1)/2)(c |w|) with c^2 = (dim + 1) scale^2.
    """

    def __init__(self, dim: int, scale: float = 1.0) -> None:
        self._dim = _checked_dim(dim)
        if not (scale > 0 and math.isfinite(scale)):
            raise ValueError(f"`scale` must be a positive finite number, got {scale}.")
        self._squared_radius = (dim + 1) * scale**2

    def __repr__(self) -> str:
        return f"StudentT(dim={self._dim}, scale={self.scale:.6g})"

    @staticmethod
    def approximating_normal(dim: int) -> "StudentT":
        """Returns the law whose potential matches N(0, I)'s at 0 to second order, up to a constant.

        Its (dim + 1) scale^2 is the constant c_k1 = (dim^2 / 2) (Gamma(dim/2) /
        Gamma((dim+1)/2))^2 of Turinici 2021, arXiv 1911.13135.
        """
        log_ratio = math.lgamma(_checked_dim(dim) / 2) - math.lgamma((dim + 1) / 2)
        squared_radius = 0.5 * dim**2 * math.exp(2 * log_ratio)
        return StudentT(dim, math.sqrt(squared_radius / (dim + 1)))

    @property
    def dim(self) -> int:
        return self._dim

    @property
    def scale(self) -> float:
        """The square root of the scale matrix's diagonal; a coordinate's variance is
        scale^2 (dim + 1) / (dim - 1), infinite for dim = 1.
        """
        return math.sqrt(self._squared_radius / (self._dim + 1))

    def sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n d"]:
        degrees = self._dim + 1
        normal = torch.randn(n, self._dim + degrees, generator=generator, device=generator.device)
        chi_square = normal[:, self._dim :].square().sum(1, keepdim=True)
        return self.scale * normal[:, : self._dim] * (degrees / chi_square).sqrt()

    def potential(self, kernel: AbstractKernel) -> Potential:
        a = self._checked_kernel(kernel).a

        def evaluate(x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
            return (full_precision(x).square().sum(1) + self._squared_radius).sqrt() - a

        return evaluate

    def self_energy(self, kernel: AbstractKernel) -> float:
        # E |Y - Y'| = E sqrt(|Y|^2 + c), and |Y|^2 + c = c / (1 - B) with B ~ Beta(k/2, (k+1)/2)
        a, k = self._checked_kernel(kernel).a, self._dim
        log_mean = math.lgamma(k / 2) + math.lgamma(k + 0.5)
        log_mean -= math.lgamma((k + 1) / 2) + math.lgamma(k)
        return 0.5 * (math.sqrt(self._squared_radius) * math.exp(log_mean) - a)

    def _checked_kernel(self, kernel: AbstractKernel) -> HuberEnergy:
        # the smoothing length enters the closed form at second order: relative error (a / scale)^2
        if not isinstance(kernel, HuberEnergy) or kernel.a > 1e-3 * self.scale:
            raise ValueError(
                f"`kernel` must be HuberEnergy(a) with a <= {1e-3 * self.scale:.3g} (a thousandth "
                f"of the scale) for StudentT, got {kernel}; its potential is closed for |x - y| "
                "only."
            )
        return kernel


@final
class Empirical(AbstractTarget):
    """The law of a weighted sample, e.g. of an encoded data set or of a data base itself.

    Args:
        points: (n, d) finite coordinates; copied.
        weights: (n,) non-negative, any positive total (normalised here); uniform if None.

    Raises:
        ValueError: if a shape does not fit, `points` is empty or a value is not finite or negative.
    """

    def __init__(
        self, points: Float[Tensor, "n d"], weights: Float[Tensor, " n"] | None = None
    ) -> None:
        if points.ndim != 2 or 0 in points.shape:
            raise ValueError(
                f"`points` must have shape (n, d) with n, d >= 1, got {tuple(points.shape)}."
            )
        if not points.isfinite().all():
            raise ValueError("`points` must be finite, got NaN or infinite coordinates.")
        points = full_precision(points)
        weights = None if weights is None else full_precision(weights)
        if weights is None:
            weights = points.new_ones(len(points))
        if weights.shape != points.shape[:1] or not bool((weights >= 0).all()):
            raise ValueError(
                f"`weights` must be {len(points)} non-negative numbers, one a point, got shape "
                f"{tuple(weights.shape)}, smallest {weights.min() if weights.numel() else None}."
            )
        if not (weights.sum() > 0 and weights.sum().isfinite()):
            raise ValueError(f"`weights` must have a positive finite sum, got {weights.sum()}.")
        with torch.inference_mode(False):  # tensors made in that mode cannot be differentiated by
            self._points = points.detach().clone()
            self._weights = weights.detach().clone() / weights.sum()

    def __repr__(self) -> str:
        return f"Empirical({len(self._points)} points, dim={self.dim})"

    @property
    def dim(self) -> int:
        return self._points.shape[1]

    def sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n d"]:
        weights = self._weights.to(generator.device)
        index = torch.multinomial(weights, n, replacement=True, generator=generator)
        points = self._points[index.to(self._points.device)]
        return points.to(generator.device, torch.get_default_dtype())

    def potential(self, kernel: AbstractKernel) -> Potential:
        def evaluate(x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
            x = full_precision(x)
            blocks = row_blocks(len(self._points), len(x))
            with without_autocast(x):
                return torch.stack(
                    [kernel(x, self._points[b].to(x)) @ self._weights[b].to(x) for b in blocks]
                ).sum(0)

        return evaluate

    def self_energy(self, kernel: AbstractKernel) -> float:
        points, weights = self._points.double(), self._weights.double()
        return 0.5 * float(double_sum(kernel, points, points, weights, weights))


def _checked_dim(dim: int) -> int:
    if dim < 1:
        raise ValueError(f"`dim` must be at least 1, got {dim}.")
    return dim
