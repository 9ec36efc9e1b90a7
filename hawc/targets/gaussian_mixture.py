import math
from functools import cached_property, lru_cache
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.kernels import AbstractKernel, cached_mixture
from hawc.points import ArrayLike, as_points
from hawc.precision import without_autocast
from hawc.targets.abstract import AbstractTarget, Potential
from hawc.targets.checks import normalized_weights
from hawc.targets.covariance import as_covariances, spectrum
from hawc.targets.identity import as_text
from hawc.targets.length_scale import estimate_length_scale, rescaled_kernel
from hawc.targets.orthogonal import orthogonal_normal
from hawc.targets.row_evaluation import in_row_blocks
from hawc.targets.sampling import sample_standard_normal

__all__ = ["GaussianMixture"]


@final
class GaussianMixture(AbstractTarget):
    """sum_c weight_c N(mean_c, covariance_c); its potential is exact for every kernel.

    With h = sum_t w (1 - exp(-t r^2)) the potential is a sum over t and c of Gaussian means. For a
    covariance with variances l_i along orthonormal axes u_i they are

        E exp(-t |x - Z|^2) = prod_i (1 + 2 t l_i)^(-1/2) exp(-t (u_i.(x - mean))^2 / (1 + 2 t l_i))

    A point takes c t terms if the components are isotropic and c t dim if not. The self energy is
    the mean potential of pairs and takes c^2 t or c^2 dim^3 terms.

    Args:
        weights: (c,) >= 0, of any positive total, normalized here; uniform if None.
        means: (c, dim), finite.
        covariances: one variance for all components, (c,) variances, or (c, dim, dim) symmetric
            matrices without a negative eigenvalue. 0 is allowed: the component is then a point or
            lies in a plane.

    Raises:
        ValueError: if a shape does not fit or a value is out of its range.

    Example:
        >>> axis = 5.0 * torch.arange(4.0)
        >>> grid = GaussianMixture(None, torch.cartesian_prod(axis, axis), 1.0)
        >>> grid.dim
        2
    """

    def __init__(
        self,
        weights: Float[Tensor, " c"] | ArrayLike | None,
        means: Float[Tensor, "c d"] | ArrayLike,
        covariances: float | Float[Tensor, " c"] | Float[Tensor, "c d d"] | ArrayLike,
    ) -> None:
        means = as_points("means", means, finite=True)
        count, dim = means.shape
        covariances = as_covariances("covariances", covariances)
        if covariances.ndim == 0:
            covariances = covariances.expand(count).clone()
        if covariances.shape not in ((count,), (count, dim, dim)):
            raise ValueError(
                f"`covariances` must be a number or have shape ({count},) or "
                f"({count}, {dim}, {dim}), got {tuple(covariances.shape)}."
            )
        self._weights = normalized_weights(weights, count)
        with torch.inference_mode(False):  # autograd cannot use inference tensors
            self._means = means.detach().to("cpu", torch.float64, copy=True)
            self._variances, self._axes = spectrum(covariances, "covariances")
            self._covariances = covariances.double()

    def __repr__(self) -> str:
        return (
            f"GaussianMixture(weights={as_text(self._weights)}, means={as_text(self._means)}, "
            f"covariances={as_text(self._covariances)})"
        )

    @property
    def dim(self) -> int:
        return self._means.shape[1]

    @cached_property
    def length_scale(self) -> float:
        variances = self._variances.mean(1)
        variances = variances[(variances > 0) & (self._weights > 0)]
        if len(variances):
            return float(variances.quantile(0.5).sqrt())
        return estimate_length_scale(self._means[self._weights > 0])

    def sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n d"]:
        normal = sample_standard_normal(n, self.dim, generator=generator)
        return self._from_normal(normal, generator)

    def spread_sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n d"]:
        return self._from_normal(orthogonal_normal(n, self.dim, generator=generator), generator)

    def _from_normal(
        self, noise: Float[Tensor, "n d"], generator: torch.Generator
    ) -> Float[Tensor, "n d"]:
        """Returns samples of random components, from standard normal noise."""
        device, dtype = noise.device, noise.dtype
        weights = self._weights.to(device)
        component = torch.multinomial(weights, len(noise), replacement=True, generator=generator)
        noise = noise * self._variances.sqrt().to(device, dtype)[component]
        if self._axes is not None:
            for c, axes in enumerate(self._axes.to(device, dtype)):
                chosen = component == c
                noise[chosen] = noise[chosen] @ axes.T
        return noise + self._means.to(device, dtype)[component]

    def log_density(self, x: Float[Tensor, "n d"] | ArrayLike) -> Float[Tensor, " n"]:
        """Returns the log density at each point, differentiable, in the points' dtype.

        Raises:
            ValueError: if a component is a point or lies in a plane, where it has no density.
        """
        if bool((self._variances <= 0).any()):
            raise ValueError(
                "`covariances` must be regular for a density, got a component without variance in "
                "some direction; add a small variance."
            )
        x = as_points("x", x, dim=self.dim, smallest=0)
        variances = self._variances.to(x)[:, None]  # (c, 1, k)
        times = 1 if self._axes is not None else self.dim
        scale = times * (2 * torch.pi * variances).log().sum(2)
        exponent = -0.5 * ((self._squares(x) / variances).sum(2) + scale)
        return torch.logsumexp(exponent + self._weights.to(x).log()[:, None], 0)

    def potential(self, kernel: AbstractKernel) -> Potential:
        scaled, factor, unit = rescaled_kernel(kernel, self._size())
        if unit == 1:
            return self._potential(kernel)
        means, covariances = self._means / unit, self._exact_covariances() / unit**2
        potential = GaussianMixture(self._weights, means, covariances)._potential(scaled)
        return lambda x: factor * potential(as_points("x", x, smallest=0) / unit)

    def _exact_covariances(self) -> Float[Tensor, " c"] | Float[Tensor, "c d d"]:
        """Returns the covariances without the rounding errors of the given ones."""
        if self._axes is None:
            return self._variances[:, 0]
        return (self._axes * self._variances[:, None]) @ self._axes.mT

    def _size(self) -> float:
        """Returns the root mean square distance from the mean."""
        mean = self._weights @ self._means
        times = 1 if self._axes is not None else self.dim
        squares = (self._means - mean).square().sum(1) + times * self._variances.sum(1)
        return math.sqrt(float(self._weights @ squares))

    def _potential(self, kernel: AbstractKernel) -> Potential:
        rate, weight = cached_mixture(kernel, torch.float64, torch.device("cpu"))
        rotated = self._axes is not None
        with torch.inference_mode(False):
            spread = 2 * rate * self._variances[:, :, None]  # (c, k, t)
            slope = rate / (1 + spread)
            offset = 0.5 * (1 if rotated else self.dim) * spread.log1p().sum(1, keepdim=True)

        @lru_cache(maxsize=8)
        def constants(dtype: torch.dtype, device: torch.device) -> tuple[Tensor, ...]:
            with torch.inference_mode(False):
                tensors = (slope, offset, weight, self._weights)
                return tuple(tensor.to(device, dtype) for tensor in tensors)

        def block(x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
            slope, offset, weight, component_weight = constants(x.dtype, x.device)
            squares = self._squares(x)
            product = squares @ slope if rotated else squares * slope  # (c, n, t)
            return component_weight @ (-torch.expm1(-(product + offset)) @ weight)

        def evaluate(x: Float[Tensor, "n d"] | ArrayLike) -> Float[Tensor, " n"]:
            x = as_points("x", x, dim=self.dim, smallest=0)
            with without_autocast(x):
                return in_row_blocks(block, x, len(self._weights) * (len(rate) + self.dim))

        return evaluate

    def self_energy(self, kernel: AbstractKernel) -> float:
        # Z_a - Z_b has mean mean_a - mean_b and the sum of the covariances
        covariances = self._exact_covariances()
        origin = torch.zeros_like(self._means[:1])
        energy = 0.0
        for c, weight in enumerate(self._weights.tolist()):
            means, sums = self._means - self._means[c], covariances + covariances[c]
            differences = GaussianMixture(self._weights, means, sums)
            energy += 0.5 * weight * float(differences.potential(kernel)(origin))
        return energy

    def _squares(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "c n k"]:
        """Returns squared distances to the means: in total (k = 1) or along each axis."""
        offset = x - self._means.to(x)[:, None]
        if self._axes is None:
            return offset.square().sum(2, keepdim=True)
        return (offset @ self._axes.to(x)).square()
