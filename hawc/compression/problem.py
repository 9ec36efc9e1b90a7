"""The objective of history-aware compression, its gradient, and starting points."""

from abc import ABC, abstractmethod
from typing import Literal, final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.arguments import check_instance
from hawc.kernel_sum import EXPANDED_FROM_DIM, KernelSum, expansion_is_accurate
from hawc.kernels import AbstractKernel, HuberEnergy
from hawc.precision import exact_distances
from hawc.targets import AbstractTarget, PotentialAndGradient

__all__ = ["AbstractProblem", "CompressionProblem", "Weights", "default_kernel", "jittered"]

Weights = Literal["uniform", "optimal"]

# Starting points are moved by this share of the target's length scale, times a normal sample. A
# point that starts exactly on a history point is at a saddle with gradient zero. Samples of an
# empirical target may be there. So may a warm start, if another process with the same seed was
# faster.
_START_JITTER = 1e-3
# A history of fewer coordinates is kept in float64, which costs hardly any time.
_SHORT_HISTORY = 2**16
# Up to this number, pairs of new points are computed for all starts at once.
_FEW_PAIRS = 2**22
# For optimal weights, relative: large against rounding, too small to matter for the weights.
_SMALLEST_CURVATURE = 1e-12


class AbstractProblem(ABC):
    """A function f of sets of `size` points in R^dim that a descent minimizes."""

    size: int
    total: int  # including the history

    @property
    @abstractmethod
    def dim(self) -> int:
        """The number of coordinates of a point."""

    @abstractmethod
    def value_and_gradient(
        self, points: Float[Tensor, "r k d"]
    ) -> tuple[Float[Tensor, " r"], Float[Tensor, "r k d"]]:
        """Returns f of each of r point sets in float64, and its gradient."""

    @abstractmethod
    def candidates(self, generator: torch.Generator, count: int) -> Float[Tensor, "r k d"]:
        """Returns a set of i.i.d. samples, then `count` sets that repel each other."""

    @abstractmethod
    def weights(self, points: Float[Tensor, "k d"]) -> Float[Tensor, " k"]:
        """Returns the weights p of the points, with total 1."""


@final
class CompressionProblem(AbstractProblem):
    """The function f of ``hawc.compression`` for weighted new points.

    It is computed on the history's device. With weights p of total one in place of 1/K

        f(X, p) = sum_k p_k (w T m(x_k) - sum_j h(x_k, y_j)) / K - 1/2 sum_kl p_k p_l h(x_k, x_l),

    where w = 1 for compression. With a smaller w points are more diverse than the target.

    Args:
        target: the distribution mu.
        size: K.
        history: the y_j. Sums over a long history are computed in its own precision.
        kernel: h; `default_kernel` of the target if None.
        weights: "uniform" is p = 1/K; "optimal" are the p that minimize f for the given X, by a
            linear system. Some of these may be negative if X is far from optimal.
        target_weight: w >= 0.
    """

    def __init__(
        self,
        target: AbstractTarget,
        size: int,
        history: Float[Tensor, "kp d"],
        kernel: AbstractKernel | None = None,
        weights: Weights = "uniform",
        target_weight: float = 1.0,
    ) -> None:
        check_instance("target", target, AbstractTarget)
        check_instance("kernel", kernel, AbstractKernel, or_none=True)
        kernel = default_kernel(target) if kernel is None else kernel
        self.target = target
        self.kernel = kernel
        self.size = size
        self.history = history
        self.total = size + len(history)
        self._weights = weights
        self._target_weight = target_weight
        self._potential = target.potential_and_gradient(kernel)
        past = history.double() if history.numel() < _SHORT_HISTORY else history
        self._history_sum = KernelSum(kernel, past)

    @property
    def dim(self) -> int:
        return self.target.dim

    def transferred(
        self, target: AbstractTarget, history: Float[Tensor, "kp d"]
    ) -> "CompressionProblem":
        """Returns the same problem with another target and history."""
        return CompressionProblem(
            target, self.size, history, self.kernel, self._weights, self._target_weight
        )

    def value_and_gradient(
        self,
        points: Float[Tensor, "r k d"],
        potential: PotentialAndGradient | None = None,
    ) -> tuple[Float[Tensor, " r"], Float[Tensor, "r k d"]]:
        """Returns f of each of r point sets, and its gradient.

        Args:
            points: the sets, in float64.
            potential: with its gradient; the target's exact potential if None.
        """
        field, field_gradient = self.field(points, potential)
        p = self._weights_at(points, field)
        repulsion, repulsion_gradient = self._mutual_repulsion(points, p)
        value = (p * (field - 0.5 * repulsion)).sum(1)
        return value, p[:, :, None] * (field_gradient - repulsion_gradient)

    def field(
        self,
        points: Float[Tensor, "r k d"],
        potential: PotentialAndGradient | None = None,
    ) -> tuple[Float[Tensor, "r k"], Float[Tensor, "r k d"]]:
        """Returns (w T m(x) - sum_j h(x, y_j)) / K at every point, and its gradient.

        This is the part of f that is a sum over single points. Sets may have any size.

        Args:
            points: in float64.
            potential: with its gradient; the target's exact potential if None.
        """
        flat = points.flatten(0, 1)
        value, gradient = (potential or self._potential)(flat)
        if self._target_weight != 1:
            value, gradient = self._target_weight * value, self._target_weight * gradient
        if len(self.history):
            repulsion, repulsion_gradient = self._history_sum(flat)
            value = (self.total * value - repulsion) / self.size
            gradient = (self.total * gradient - repulsion_gradient) / self.size
        return value.reshape(points.shape[:2]), gradient.reshape(points.shape)

    def field_values(self, points: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Returns the values of `field`, much faster than with their gradient."""
        with torch.no_grad():
            attraction = self.target.potential(self.kernel)(points)
        attraction = self._target_weight * self.total * attraction
        return (attraction - self._history_sum.values(points)) / self.size

    def weights(self, points: Float[Tensor, "k d"]) -> Float[Tensor, " k"]:
        if self._weights == "uniform":
            return points.new_full((self.size,), 1 / self.size)  # saves the sum over the history
        field, _ = self.field(points[None])
        return self._weights_at(points[None], field)[0]

    def start(self, generator: torch.Generator) -> Float[Tensor, "k d"]:
        """Returns i.i.d. samples of the target, moved slightly off history points."""
        points = self.target.sample(self.size, generator=generator)
        return jittered(points, generator, self.target.length_scale)

    def candidates(self, generator: torch.Generator, count: int) -> Float[Tensor, "r k d"]:
        target, size = self.target, self.size
        sets = [target.spread_sample(size, generator=generator) for _ in range(count)]
        spread = jittered(torch.cat(sets), generator, target.length_scale)
        return torch.cat([self.start(generator)[None], spread.reshape(count, size, -1)])

    def _weights_at(
        self, points: Float[Tensor, "r k d"], field: Float[Tensor, "r k"]
    ) -> Float[Tensor, "r k"]:
        """Returns 1/K, or the minimizer p of p'field - p'Hp / 2 with H = h(x_k, x_l)."""
        if self._weights == "uniform":
            return torch.full_like(field, 1 / self.size)
        heights = self.kernel.profile(_squared_distances(points))
        # coincident points may share their weight in any way; this multiple of p'p / 2 makes the
        # shares equal
        scale = heights.amax((1, 2)) + field.abs().amax(1)
        heights.diagonal(dim1=1, dim2=2).sub_(_SMALLEST_CURVATURE * scale[:, None])
        # Lagrange: H p + multiplier = field, sum p = 1
        bordered = torch.nn.functional.pad(heights, (0, 1, 0, 1), value=1.0)
        bordered[:, -1, -1] = 0
        right = torch.nn.functional.pad(field, (0, 1), value=1.0)
        # solve would raise for all sets if one of them is not finite
        solution: Tensor = torch.linalg.solve_ex(bordered, right).result
        return solution[:, :-1]

    def _mutual_repulsion(
        self, points: Float[Tensor, "r k d"], p: Float[Tensor, "r k"]
    ) -> tuple[Float[Tensor, "r k"], Float[Tensor, "r k d"]]:
        """Returns sum_l p_l h(x_k, x_l) at every point of each set, and its gradient."""
        if points.shape[0] * points.shape[1] ** 2 > _FEW_PAIRS:
            sums = [KernelSum(self.kernel, x, q)(x) for x, q in zip(points, p, strict=True)]
            return torch.stack([v for v, _ in sums]), torch.stack([g for _, g in sums])
        squared = _squared_distances(points)
        slopes = self.kernel.slope(squared) * p[:, None, :]
        slopes.diagonal(dim1=1, dim2=2).zero_()  # x - x = 0, but a slope may drown all others
        gradient = 2 * (slopes.sum(2, keepdim=True) * points - slopes @ points)
        return (self.kernel.profile(squared) @ p[:, :, None])[:, :, 0], gradient


def default_kernel(target: AbstractTarget) -> AbstractKernel:
    """Returns `HuberEnergy`, a = 1e-5 of the target's length scale: nearly |x - y|."""
    return HuberEnergy().rescaled(1 / target.length_scale)[0]


def jittered(
    points: Float[Tensor, "n d"], generator: torch.Generator, length_scale: float
) -> Float[Tensor, "n d"]:
    """Returns the points in float64 with noise of 1e-3 of the length scale.

    Args:
        points: starting points of a search.
        generator: for the noise.
        length_scale: of the target.
    """
    noise = torch.randn(
        points.shape, generator=generator, device=generator.device, dtype=torch.float64
    )
    return points.to(noise) + _START_JITTER * length_scale * noise


def _squared_distances(points: Float[Tensor, "r k d"]) -> Float[Tensor, "r k k"]:
    if points.shape[2] < EXPANDED_FROM_DIM:
        return exact_distances(points, points).square_()
    centered = points - points.mean(1, keepdim=True)  # the error is relative to |x|^2
    norms = centered.square().sum(2)
    squared = torch.baddbmm(norms[:, None], centered, centered.mT, alpha=-2).add_(norms[:, :, None])
    diagonal = squared.diagonal(dim1=1, dim2=2)
    diagonal.fill_(torch.inf)  # not the nearest distance
    farthest, nearest = float(norms.amax()), float(squared.amin())
    if not (nearest > 0 and expansion_is_accurate(farthest / nearest, points.dtype)):
        return exact_distances(points, points).square_()
    diagonal.zero_()
    return squared
