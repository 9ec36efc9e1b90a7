from collections.abc import Callable
from functools import cached_property, lru_cache, partial
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.kernel_sum import KernelSum, differentiable
from hawc.kernels import AbstractKernel
from hawc.points import ArrayLike, as_points
from hawc.precision import without_autocast
from hawc.targets.abstract import AbstractTarget, Potential, PotentialAndGradient
from hawc.targets.checks import normalized_weights
from hawc.targets.identity import digest, fingerprint
from hawc.targets.length_scale import estimate_length_scale
from hawc.targets.sampling import check_sample_arguments, random_and_result_dtypes

__all__ = ["Empirical"]

_SMALL = 2**20  # coordinates; sums over more are computed in the sample's own precision


@final
class Empirical(AbstractTarget):
    """The distribution of a weighted set of points, such as an encoded data set.

    Args:
        points: (n, d), n >= 1, finite; copied. Integers are kept in float64.
        weights: (n,) >= 0, of any positive total, normalized here; uniform if None.
        name: stands for the points in the repr, which is the distribution's identity; a digest of
            the points if None. Features that are computed again round differently, and have another
            digest.

    Raises:
        ValueError: if a shape does not fit, `points` is empty or not finite, a weight is negative,
            or `name` is empty or no text.
    """

    def __init__(
        self,
        points: Float[Tensor, "n d"] | ArrayLike,
        weights: Float[Tensor, " n"] | ArrayLike | None = None,
        *,
        name: str | None = None,
    ) -> None:
        if name is not None and not (isinstance(name, str) and name):
            raise ValueError(f"`name` must be a text that is not empty, or None, got {name!r}.")
        self._name = name
        points = as_points("points", points, finite=True)
        normalized = normalized_weights(weights, len(points))
        with torch.inference_mode(False):  # autograd cannot use inference tensors
            # contiguous, since sums in another layout round differently
            self._points = points.detach().clone(memory_format=torch.contiguous_format)
            self._weights = normalized.to(points.device)

    def __repr__(self) -> str:
        name = f"sha256={self._digest}" if self._name is None else f"name={self._name!r}"
        return f"Empirical({len(self._points)} points, dim={self.dim}, {name})"

    @cached_property
    def _digest(self) -> str:
        return digest(self._points, self._weights)

    def fingerprint(self) -> dict[str, list[list[float]]]:
        """Returns numbers of the points behind the digest in the repr; {} for a name.

        They tell points that were computed again, and round differently, from other points.
        """
        if self._name is not None:
            return {}
        return {self._digest: fingerprint(self._points, self._weights)}

    @property
    def dim(self) -> int:
        return self._points.shape[1]

    @property
    def points(self) -> Float[Tensor, "n d"]:
        """The points; do not write to them."""
        return self._points

    @cached_property
    def length_scale(self) -> float:
        return estimate_length_scale(self._points[self._weights > 0])

    def sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n d"]:
        check_sample_arguments(n, generator)
        weights = self._weights.to(generator.device)
        index = torch.multinomial(weights, n, replacement=True, generator=generator)
        points = self._points[index.to(self._points.device)]
        return points.to(generator.device, random_and_result_dtypes()[1])

    def potential(self, kernel: AbstractKernel) -> Potential:
        mean = self._means(kernel)

        def evaluate(x: Float[Tensor, "n d"] | ArrayLike) -> Float[Tensor, " n"]:
            x = as_points("x", x, dim=self.dim, smallest=0)
            with without_autocast(x):
                return differentiable(mean(x.device), x)

        return evaluate

    def potential_and_gradient(self, kernel: AbstractKernel) -> PotentialAndGradient:
        mean = self._means(kernel)

        def evaluate(
            x: Float[Tensor, "n d"] | ArrayLike,
        ) -> tuple[Float[Tensor, " n"], Float[Tensor, "n d"]]:
            x = as_points("x", x, dim=self.dim, smallest=0).detach()
            with without_autocast(x):
                value, gradient = mean(x.device)(x)
            return value.to(x.dtype), gradient.to(x.dtype)

        return evaluate

    def self_energy(self, kernel: AbstractKernel) -> float:
        values, _ = self._mean(kernel, self._points.device)(self._points)
        return 0.5 * float(self._weights.to(values) @ values)

    def _means(self, kernel: AbstractKernel) -> Callable[[torch.device], KernelSum]:
        """Returns `_mean` of the kernel as a cached function of the device."""
        return lru_cache(maxsize=8)(partial(self._mean, kernel))

    def _mean(self, kernel: AbstractKernel, device: torch.device) -> KernelSum:
        """Returns x -> E h(x - Z), in float64 for a small sample."""
        points = self._points.double() if self._points.numel() < _SMALL else self._points
        return KernelSum(kernel, points.to(device), self._weights.to(device, points.dtype))
