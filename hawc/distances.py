"""Squared distances between weighted point sets and laws, in the kernel h.

    d^2(mu, nu) = E h(X, Y) - 1/2 E h(X, X') - 1/2 E h(Y, Y'),     d^2(delta_x, delta_y) = h(x, y).

For h = |x - y| this is half of Szekely's energy distance. All sums run over all pairs, a point with
itself included (V-statistics): exact for the discrete laws given, biased upwards as estimates of
the laws that they were drawn from. Sums go block by block, so memory stays bounded.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.blocks import double_sum, row_blocks
from hawc.kernels import AbstractKernel, full_precision
from hawc.targets import AbstractTarget

__all__ = ["squared_distance", "squared_distance_to"]


def squared_distance(
    kernel: AbstractKernel,
    x: Float[Tensor, "n d"],
    y: Float[Tensor, "m d"],
    x_weights: Float[Tensor, " n"] | None = None,
    y_weights: Float[Tensor, " m"] | None = None,
) -> Float[Tensor, ""]:
    """Returns d^2 between two weighted point sets, >= 0 up to rounding; 0 iff they are equal.

    Args:
        kernel: of conditionally negative type.
        x: points.
        y: points of the same dimension.
        x_weights: may be signed; uniform with total 1 if None.
        y_weights: may be signed; uniform with total 1 if None.

    Returns:
        A scalar in units of the kernel, differentiable in points and weights.

    Raises:
        ValueError: if a set is empty, dimensions or numbers of weights differ, or the total weights
            of the two sets do (then d^2 has no meaning).

    Source: Szekely and Rizzo 2013, "Energy statistics", J. Stat. Planning and Inference 143:1249,
    up to the factor 1/2.
    """
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or 0 in (len(x), len(y)):
        raise ValueError(
            "`x` and `y` must be non-empty point sets (n, d) and (m, d) of one dimension d, got "
            f"{tuple(x.shape)} and {tuple(y.shape)}."
        )
    x, y = full_precision(x), full_precision(y)
    p = _uniform(x) if x_weights is None else full_precision(x_weights)
    q = _uniform(y) if y_weights is None else full_precision(y_weights)
    if p.shape != x.shape[:1] or q.shape != y.shape[:1]:
        raise ValueError(
            "`x_weights` and `y_weights` must hold one weight a point, got "
            f"{tuple(p.shape)} for {len(x)} and {tuple(q.shape)} for {len(y)} points."
        )
    if not torch.isclose(p.sum(), q.sum(), rtol=1e-4, atol=1e-6):
        raise ValueError(
            "`x_weights` and `y_weights` must have the same total, got "
            f"{float(p.sum()):.6g} and {float(q.sum()):.6g}; scale one of them."
        )
    cross = double_sum(kernel, x, y, p, q)
    return cross - 0.5 * double_sum(kernel, x, x, p, p) - 0.5 * double_sum(kernel, y, y, q, q)


def squared_distance_to(
    kernel: AbstractKernel, points: Float[Tensor, "n d"], target: AbstractTarget
) -> Float[Tensor, ""]:
    """Returns d^2 between uniformly weighted points and a law, by the law's exact potential.

    No random draw is involved. For n independent draws of the law its mean is
    target.self_energy(kernel) / n.

    Args:
        kernel: of conditionally negative type.
        points: at least one.
        target: a law of the same dimension.

    Returns:
        A scalar in units of the kernel, >= 0 up to rounding, differentiable in the points.

    Raises:
        ValueError: if there is no point or the dimension differs from the target's.
    """
    if points.ndim != 2 or points.shape[1] != target.dim or len(points) == 0:
        raise ValueError(
            f"`points` must be non-empty with shape (n, {target.dim}) for {target}, got "
            f"{tuple(points.shape)}."
        )
    points = full_precision(points)
    potential = target.potential(kernel)
    blocks = row_blocks(len(points), 256)  # a potential may hold some hundred numbers a point
    attraction = torch.stack([potential(points[b]).sum() for b in blocks]).sum() / len(points)
    p = _uniform(points)
    repulsion = 0.5 * double_sum(kernel, points, points, p, p)
    return attraction - repulsion - target.self_energy(kernel)


def _uniform(points: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
    return points.new_full((len(points),), 1 / len(points))
