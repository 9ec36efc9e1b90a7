import math
from functools import cached_property
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.arguments import real_number
from hawc.kernels import AbstractKernel, HuberEnergy
from hawc.points import ArrayLike, as_points
from hawc.targets.abstract import AbstractTarget, Potential
from hawc.targets.checks import checked_dim
from hawc.targets.elliptical_form import EllipticalForm, student_t_lengths
from hawc.targets.orthogonal import orthogonal_normal
from hawc.targets.sampling import sample_standard_normal

__all__ = ["StudentT"]


@final
class StudentT(AbstractTarget):
    """The multivariate Student t distribution with dim + 1 degrees of freedom.

    Its scale matrix is scale^2 I. For exactly this number of degrees of freedom the potential is a
    multiquadric:

        E |x - Y| = sqrt(|x|^2 + (dim + 1) scale^2)

    The Radon-Sobolev VAE approximates the potential of the normal distribution by such a function.
    Its latents therefore match `StudentT.approximating_normal`, not N(0, I).

    Args:
        dim: number of coordinates, at least 1.
        scale: > 0, in the units of the points.

    Raises:
        ValueError: if `dim` is smaller than 1 or `scale` is not positive and finite.

    Source: derived by comparing Fourier transforms, both equal to a constant times
    |w|^-(dim+1) (c |w|)^((dim+1)/2) K_((dim+1)/2)(c |w|) with c^2 = (dim + 1) scale^2.
    """

    def __init__(self, dim: int, scale: float = 1.0) -> None:
        self._dim = checked_dim(dim)
        self._scale = real_number("scale", scale)
        if not 0 < self._scale < math.inf:
            raise ValueError(f"`scale` must be a positive finite number, got {scale}.")
        self._squared_radius = (self._dim + 1) * self._scale**2

    def __repr__(self) -> str:
        return f"StudentT(dim={self._dim}, scale={self._scale})"

    @staticmethod
    def approximating_normal(dim: int) -> "StudentT":
        """Returns the Student t distribution whose potential is nearly that of N(0, I).

        At 0 they agree to second order, up to a constant. (dim + 1) scale^2 is the constant

            c_k1 = (dim^2 / 2) (Gamma(dim/2) / Gamma((dim+1)/2))^2

        of Turinici 2021, arXiv 1911.13135.
        """
        log_ratio = math.lgamma(checked_dim(dim) / 2) - math.lgamma((dim + 1) / 2)
        scale = dim * math.exp(log_ratio) / math.sqrt(2 * (dim + 1))
        # libraries differ in the last digits, and the distribution's identity must not
        return StudentT(dim, float(f"{scale:.12g}"))

    @property
    def dim(self) -> int:
        return self._dim

    @property
    def scale(self) -> float:
        """The square root of the scale matrix's diagonal.

        A coordinate's variance is scale^2 (dim + 1) / (dim - 1), infinite for dim = 1.
        """
        return self._scale

    @cached_property
    def length_scale(self) -> float:
        return self._scale

    def sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n d"]:
        normal = sample_standard_normal(n, self._dim, generator=generator)
        return self._from_normal(normal, generator)

    def spread_sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n d"]:
        return self._from_normal(orthogonal_normal(n, self._dim, generator=generator), generator)

    def _from_normal(
        self, normal: Float[Tensor, "n d"], generator: torch.Generator
    ) -> Float[Tensor, "n d"]:
        degrees = self._dim + 1
        others = sample_standard_normal(len(normal), degrees, generator=generator)
        return self.scale * normal * (degrees / others.square().sum(1, keepdim=True)).sqrt()

    def potential(self, kernel: AbstractKernel) -> Potential:
        a = self._checked_kernel(kernel).a

        def evaluate(x: Float[Tensor, "n d"] | ArrayLike) -> Float[Tensor, " n"]:
            x = as_points("x", x, dim=self._dim, smallest=0)
            return (x.square().sum(1) + self._squared_radius).sqrt() - a

        return evaluate

    def self_energy(self, kernel: AbstractKernel) -> float:
        # E |Y - Y'| = E sqrt(|Y|^2 + c), and |Y|^2 + c = c / (1 - B) with B ~ Beta(k/2, (k+1)/2)
        a, k = self._checked_kernel(kernel).a, self._dim
        log_mean = math.lgamma(k / 2) + math.lgamma(k + 0.5)
        log_mean -= math.lgamma((k + 1) / 2) + math.lgamma(k)
        return 0.5 * (math.sqrt(self._squared_radius) * math.exp(log_mean) - a)

    def elliptical_form(self) -> EllipticalForm:
        return EllipticalForm(self._dim, *student_t_lengths(self._dim, self._dim + 1, self._scale))

    def _checked_kernel(self, kernel: AbstractKernel) -> HuberEnergy:
        # the closed form leaves out the smoothing length: a relative error of (a / scale)^2
        if not isinstance(kernel, HuberEnergy) or kernel.a > 1e-3 * self.scale:
            raise ValueError(
                f"`kernel` must be HuberEnergy(a) with a <= {1e-3 * self.scale:.3g} (a thousandth "
                f"of the scale) for StudentT, got {kernel}; its potential has a closed form "
                "for |x - y| only."
            )
        return kernel
