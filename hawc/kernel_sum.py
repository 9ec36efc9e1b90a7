"""Sums of a kernel over many points, sum_j q_j h(x, y_j), with their gradient."""

import math
from collections.abc import Iterator
from typing import Any, final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hawc.arguments import check_instance
from hawc.kernels import AbstractKernel
from hawc.precision import exact_distances

__all__ = ["EXPANDED_FROM_DIM", "KernelSum", "differentiable", "expansion_is_accurate"]

# Pairs in one block: enough work for every core, few enough to stay in the cache.
_BLOCK_PAIRS = 2**18
_FEWEST_ROWS, _MOST_COLUMNS = 256, 4096
# From this dimension on distances come from the expansion |x|^2 + |y|^2 - 2 xy, a matrix product.
# Its error of some eps |x|^2 matters for close pairs only, which are rare in many dimensions. For
# such a pair the error may exceed the squared distance, and the slope of a kernel near 0 is up to
# 1e5 times its usual slope. Squared distances below the error are therefore set to the error, so
# that no pair gets too large a gradient.
EXPANDED_FROM_DIM = 9
_EXPANSION_ERROR = 8  # in units of eps |x|^2
# Numbers of points that `_crowding` compares: the farthest ones, where errors are largest, and
# enough others to find each group that holds 3 % of the points. Rarer groups have less weight.
_OUTERMOST, _SPREAD = 16, 256
_GOLDEN = (5**0.5 - 1) / 2


def expansion_is_accurate(crowding: float, dtype: torch.dtype) -> bool:
    """Returns whether the expansion keeps half of the digits of squared distances.

    Args:
        crowding: the largest |y|^2 / |y - y'|^2 of points y and their nearest neighbours y'.
        dtype: in which the expansion is computed.
    """
    eps = torch.finfo(dtype).eps
    return _EXPANSION_ERROR * eps * crowding <= math.sqrt(eps)


@final
class KernelSum:
    """The function x -> sum_j q_j h(x, y_j) with its gradient, without autograd.

    It goes over y in blocks. The terms are computed in the dtype of y and added up in float64. In
    float32 a sum over a million points would lose six of seven digits.

    In groups of points far from each other, close pairs may lose more than half of their digits.
    The terms are then computed in float64. If that is not enough, distances are computed from
    differences of coordinates.

    Args:
        kernel: h.
        points: the y_j, (m, d); kept, not copied.
        weights: the q_j, (m,); 1 if None.
        crowding: of an earlier sum over points of the same distribution, to save its computation.
    """

    def __init__(
        self,
        kernel: AbstractKernel,
        points: Float[Tensor, "m d"],
        weights: Float[Tensor, " m"] | None = None,
        crowding: float | None = None,
    ) -> None:
        check_instance("kernel", kernel, AbstractKernel)
        self.crowding = crowding
        self._kernel = kernel
        self._weights = weights
        self._points = points
        self._dtype = points.dtype
        self._origin = points.new_zeros(points.shape[1], dtype=torch.float64)
        self._squared_norms: Tensor | None = None
        if len(points) and (points.shape[1] >= EXPANDED_FROM_DIM or points.dtype != torch.float64):
            self._choose_method(points, points.shape[1] >= EXPANDED_FROM_DIM)

    def _choose_method(self, points: Float[Tensor, "m d"], expanded: bool) -> None:
        """Choose the fastest way to compute distances that is accurate enough."""
        origin, centered, squared_norms = _centered(points)
        self._origin = origin.double()
        crowding = _crowding(points, squared_norms) if self.crowding is None else self.crowding
        self.crowding = crowding
        # distances keep half of their digits
        if not expanded and torch.finfo(points.dtype).eps * crowding <= 1:
            self._points = centered
        elif expanded and expansion_is_accurate(crowding, points.dtype):
            self._points, self._squared_norms = centered, squared_norms
        elif points.dtype == torch.float64:
            self._origin = torch.zeros_like(self._origin)
        else:
            self._dtype = torch.float64
            if expanded and expansion_is_accurate(crowding, torch.float64):
                blocks = torch.split(points, _MOST_COLUMNS)
                norms = [(block.double() - self._origin).square().sum(1) for block in blocks]
                self._squared_norms = torch.cat(norms)

    def __call__(self, x: Float[Tensor, "n d"]) -> tuple[Float[Tensor, " n"], Float[Tensor, "n d"]]:
        """Returns the sum at each x and its gradient, in float64."""
        at = (x.double() - self._origin).to(self._dtype)
        sums = [self._sum_at(part) for part in torch.split(at, _MOST_COLUMNS)]
        return torch.cat([value for value, _ in sums]), torch.cat([grad for _, grad in sums])

    def values(self, x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Returns the sum at each x, in float64, in half the time of one with gradient."""
        at = (x.double() - self._origin).to(self._dtype)
        return torch.cat([self._values_at(part) for part in torch.split(at, _MOST_COLUMNS)])

    def _values_at(self, at: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        value = at.new_zeros(len(at), dtype=torch.float64)
        for block, _, squared in self._blocks(at):
            height = self._kernel.profile(squared)
            if self._weights is not None:
                height = height * self._weights[block, None].to(self._dtype)
            value += height.sum(0)
        return value

    def _sum_at(self, at: Float[Tensor, "n d"]) -> tuple[Float[Tensor, " n"], Float[Tensor, "n d"]]:
        value = at.new_zeros(len(at), dtype=torch.float64)
        slopes = torch.zeros_like(value)
        weighted = torch.zeros_like(at, dtype=torch.float64)
        for block, points, squared in self._blocks(at):
            height, slope = self._kernel.profile(squared), self._kernel.slope(squared)
            if self._weights is not None:
                share = self._weights[block, None].to(self._dtype)
                height, slope = height * share, slope * share
            value += height.sum(0)
            slopes += slope.sum(0)
            weighted += slope.T @ points
        return value, 2 * (slopes[:, None] * at.double() - weighted)

    def _blocks(
        self, at: Float[Tensor, "n d"]
    ) -> Iterator[tuple[slice, Float[Tensor, "b d"], Float[Tensor, "b n"]]]:
        """Yields blocks of the points y, relative to the origin, with |x - y|^2."""
        rows = max(_FEWEST_ROWS, _BLOCK_PAIRS // max(1, len(at)))
        for first in range(0, len(self._points), rows):
            block = slice(first, first + rows)
            points = self._points[block]
            if points.dtype != self._dtype:
                points = points.double() - self._origin
            yield block, points, self._squared_distances(block, points, at)

    def _squared_distances(
        self, block: slice, y: Float[Tensor, "b d"], x: Float[Tensor, "n d"]
    ) -> Float[Tensor, "b n"]:
        if self._squared_norms is None:
            return exact_distances(y, x).square_()
        norms = self._squared_norms[block, None]
        # the product with the long operand first is 1.5 times as fast as its transpose
        squared = torch.addmm(norms, y, x.T, alpha=-2)
        error = _EXPANSION_ERROR * torch.finfo(y.dtype).eps * norms
        return squared.add_(x.square().sum(1)).clamp_(min=error)


def _centered(
    points: Float[Tensor, "m d"],
) -> tuple[Float[Tensor, " d"], Float[Tensor, "m d"], Float[Tensor, " m"]]:
    """Returns an origin, the points relative to it and their squared norms.

    The error of the expansion is relative to |y|^2. The origin is the mean of the points if they
    lie far from 0. Otherwise it is 0, and the points are not copied.
    """
    mean = points.mean(0)
    squared_norms = torch.linalg.vector_norm(points, dim=1).square()
    # the mean of |y|^2 is |mean|^2 plus the variance
    if 2 * float(mean.square().sum()) <= float(squared_norms.mean()):
        return torch.zeros_like(mean), points, squared_norms
    moved = points - mean
    return mean, moved, torch.linalg.vector_norm(moved, dim=1).square()


def _crowding(points: Float[Tensor, "m d"], squared_norms: Float[Tensor, " m"]) -> float:
    """Returns the largest |y|^2 / |y - y'|^2 of points y and their neighbours y'.

    Copies of a point do not count as neighbours: no result depends on their distance.

    Of a long set only 272 points are used: the 16 farthest and 256 spread over the order. A
    group that holds 2.6 % of the points has two points among the 256 with a probability of 99 %.
    For a group that holds 1 % the probability is 72 %.

    Args:
        points: relative to the origin.
        squared_norms: of the points.
    """
    outer = squared_norms.topk(min(_OUTERMOST, len(points))).indices
    chosen = torch.cat([outer, _spread_indices(len(points)).to(outer.device)])
    distances = torch.nn.functional.pdist(points[chosen].double())
    norms = squared_norms[chosen].double()
    first, second = torch.triu_indices(len(norms), len(norms), 1, device=norms.device)
    crowding = torch.maximum(norms[first], norms[second]) / distances.square()
    return float(crowding.masked_fill_(distances == 0, 0).amax())


def _spread_indices(count: int) -> Int[Tensor, " k"]:
    """Returns all indices of a short list, or 256 irregularly spaced ones."""
    if count <= _SPREAD:
        return torch.arange(count, device="cpu")
    share = torch.arange(_SPREAD, dtype=torch.float64, device="cpu") * _GOLDEN % 1
    return (share * count).long()


def differentiable(kernel_sum: KernelSum, x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
    """Returns the sum at each x with a gradient, but without second derivatives.

    Raises:
        RuntimeError: in the backward pass with create_graph=True.
    """
    if not (x.requires_grad and torch.is_grad_enabled()):
        return kernel_sum.values(x).to(x.dtype)
    value: Tensor = _Differentiable.apply(x, kernel_sum)
    return value


class _Differentiable(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel_sum: KernelSum) -> Tensor:
        value, gradient = kernel_sum(x)
        ctx.save_for_backward(gradient.to(x.dtype))
        return value.to(x.dtype)

    @staticmethod
    def backward(ctx: Any, output: Tensor) -> tuple[Tensor, None]:
        # with once_differentiable a penalty on the gradient would silently be a constant
        if torch.is_grad_enabled():
            raise RuntimeError(
                "`create_graph` must be False for the gradient of a sum over many points, got "
                "True; the matrix `kernel(x, points)` has second derivatives."
            )
        (gradient,) = ctx.saved_tensors
        return output[:, None] * gradient, None
