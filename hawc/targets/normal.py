from functools import cached_property
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.kernels import AbstractKernel
from hawc.points import ArrayLike, as_real
from hawc.targets.abstract import AbstractTarget, Potential
from hawc.targets.covariance import as_covariances, spectrum
from hawc.targets.elliptical_form import EllipticalForm, normal_lengths
from hawc.targets.gaussian_mixture import GaussianMixture
from hawc.targets.identity import as_text

__all__ = ["Normal"]

_FLAT = 1e-12  # a direction with less than this share of the largest variance is flat


@final
class Normal(AbstractTarget):
    """N(mean, covariance); its potential is exact for every kernel.

    Args:
        mean: (dim,), finite.
        covariance: one variance for all coordinates, or a symmetric (dim, dim) matrix without a
            negative eigenvalue. 0 is allowed: the distribution is then a point or lies in a plane.

    Raises:
        ValueError: if a shape does not fit or a value is out of its range.
    """

    def __init__(
        self,
        mean: Float[Tensor, " d"] | ArrayLike,
        covariance: float | Float[Tensor, "d d"] | ArrayLike,
    ) -> None:
        mean = as_real("mean", mean)
        if mean.ndim != 1 or len(mean) == 0 or not mean.isfinite().all():
            raise ValueError(
                f"`mean` must be finite with shape (d,), d >= 1, got {mean} of shape "
                f"{tuple(mean.shape)}."
            )
        values = as_covariances("covariance", covariance)
        if values.shape not in ((), (len(mean), len(mean))):
            raise ValueError(
                f"`covariance` must be a number or have shape ({len(mean)}, {len(mean)}), got "
                f"{tuple(values.shape)}."
            )
        # checked before GaussianMixture, whose messages name its own arguments
        self._variances, self._axes = spectrum(values[None], "covariance")
        self._mixture = GaussianMixture(None, mean[None], values[None])
        self._mean = mean.detach().to("cpu", torch.float64, copy=True)
        matrix = values.to("cpu", torch.float64, copy=True)
        # in float64, as a tensor without dimensions does not set the precision of the product
        identity = torch.eye(len(mean), dtype=torch.float64, device="cpu")
        self._covariance = matrix if matrix.ndim else matrix * identity
        self._description = f"mean={as_text(mean)}, covariance={as_text(values)}"

    def __repr__(self) -> str:
        return f"Normal({self._description})"

    @property
    def dim(self) -> int:
        return self._mixture.dim

    @cached_property
    def length_scale(self) -> float:
        return self._mixture.length_scale

    @property
    def mean(self) -> Float[Tensor, " d"]:
        """The mean, in float64."""
        return self._mean.clone()

    @property
    def covariance(self) -> Float[Tensor, "d d"]:
        """The covariance matrix, in float64."""
        return self._covariance.clone()

    def log_density(self, x: Float[Tensor, "n d"] | ArrayLike) -> Float[Tensor, " n"]:
        """Returns the log density at each point, differentiable, in the points' dtype.

        Raises:
            ValueError: if the distribution is a point or lies in a plane.
        """
        return self._mixture.log_density(x)

    def sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n d"]:
        return self._mixture.sample(n, generator=generator)

    def spread_sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n d"]:
        return self._mixture.spread_sample(n, generator=generator)

    def potential(self, kernel: AbstractKernel) -> Potential:
        return self._mixture.potential(kernel)

    def self_energy(self, kernel: AbstractKernel) -> float:
        return self._mixture.self_energy(kernel)

    def elliptical_form(self) -> EllipticalForm | None:
        variances = self._variances[0]
        regular = variances > _FLAT * variances.max()
        if not bool(regular.any()):
            return None  # a point
        deviations = variances[regular].sqrt()
        if self._axes is None:
            scale = float(deviations)
            return EllipticalForm(self.dim, *normal_lengths(self.dim), self._mean, scale, 1 / scale)
        axes = self._axes[0][:, regular]
        rank = axes.shape[1]
        return EllipticalForm(
            rank, *normal_lengths(rank), self._mean, axes * deviations, (axes / deviations).T
        )
