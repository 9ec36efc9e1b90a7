"""Squared distances between weighted point sets and distributions, in a kernel h.

    d^2(mu, nu) = E h(X, Y) - 1/2 E h(X, X') - 1/2 E h(Y, Y'),     d^2(delta_x, delta_y) = h(x, y).

For h = |x - y| this is half of Szekely's energy distance (Szekely and Rizzo 2013, "Energy
statistics", J. Stat. Planning and Inference 143:1249). There are two kinds of function.

    squared_distance, squared_distance_to: d^2 of the point sets themselves, >= 0. V-statistics:
        each point is also paired with itself. As estimates for the distributions that the points
        are samples of they are biased upwards.
    unbiased_squared_distance, unbiased_squared_distance_to: unbiased estimates of d^2 between the
        distributions that the points are samples of. U-statistics: no point is paired with itself.
        They may be negative.

Points and weights are tensors, NumPy arrays or lists (``hawc.points``). Results are computed in the
highest of their precisions, on the device of `x` or `points`. Sums are taken block by block: memory
grows like n + m, not n m, also under autograd.
"""

from jaxtyping import Float
from torch import Tensor

from hawc.arguments import check_instance
from hawc.blocks import row_blocks
from hawc.kernels import AbstractKernel
from hawc.points import ArrayLike, as_points, as_weights, promoted
from hawc.precision import without_autocast
from hawc.summation import sum_over_blocks
from hawc.targets import AbstractTarget

__all__ = [
    "checked_weighted_sets",
    "squared_distance",
    "squared_distance_to",
    "unbiased_squared_distance",
    "unbiased_squared_distance_to",
]


def squared_distance(
    kernel: AbstractKernel,
    x: Float[Tensor, "n d"] | ArrayLike,
    y: Float[Tensor, "m d"] | ArrayLike,
    x_weights: Float[Tensor, " n"] | ArrayLike | None = None,
    y_weights: Float[Tensor, " m"] | ArrayLike | None = None,
) -> Float[Tensor, ""]:
    """Returns d^2 between two weighted point sets, which is 0 iff they are equal.

    Args:
        kernel: h.
        x: at least one point.
        y: at least one point, of the same dimension.
        x_weights: of any sign; uniform with total 1 if None.
        y_weights: of any sign; uniform with total 1 if None.

    Returns:
        A scalar in units of the kernel, >= 0 up to rounding, differentiable in points and weights.

    Raises:
        ValueError: if a set is empty, the dimensions differ, a number of weights does not fit, or
            the two total weights differ. Then d^2 is not defined.
    """
    check_instance("kernel", kernel, AbstractKernel)
    x, y, p, q = checked_weighted_sets(x, y, x_weights, y_weights)
    repulsion = _pair_sum(kernel, x, x, p, p) + _pair_sum(kernel, y, y, q, q)
    return (_pair_sum(kernel, x, y, p, q) - 0.5 * repulsion).to(x.dtype)


def unbiased_squared_distance(
    kernel: AbstractKernel, x: Float[Tensor, "n d"] | ArrayLike, y: Float[Tensor, "m d"] | ArrayLike
) -> Float[Tensor, ""]:
    """Returns an unbiased estimate of d^2 between the distributions of samples.

        mean_ij h(x_i, y_j) - sum_{i != j} h(x_i, x_j) / (2n (n - 1)) - the same for y

    Args:
        kernel: h.
        x: at least two samples of one distribution.
        y: at least two samples of the other, independent of x, in the same dimension.

    Returns:
        A scalar in units of the kernel, differentiable in the points. It may be negative if the
        distributions are close.

    Raises:
        ValueError: if a set has less than two points or the dimensions differ.
    """
    check_instance("kernel", kernel, AbstractKernel)
    x, y = as_points("x", x, smallest=2), as_points("y", y, smallest=2)
    x, y, p, q = checked_weighted_sets(x, y, None, None)
    repulsion = _mean_between_different(kernel, x) + _mean_between_different(kernel, y)
    return (_pair_sum(kernel, x, y, p, q) - 0.5 * repulsion).to(x.dtype)


def squared_distance_to(
    kernel: AbstractKernel,
    points: Float[Tensor, "n d"] | ArrayLike,
    target: AbstractTarget,
    weights: Float[Tensor, " n"] | ArrayLike | None = None,
) -> Float[Tensor, ""]:
    """Returns d^2 between weighted points and a target, by its exact potential.

    Nothing is sampled. For n i.i.d. samples of the target the mean of d^2 is
    target.self_energy(kernel) / n.

    Args:
        kernel: h.
        points: at least one.
        target: a distribution of the same dimension.
        weights: one per point, of any sign, with total 1; uniform if None.

    Returns:
        A scalar in units of the kernel, >= 0 up to rounding, differentiable in points and weights.

    Raises:
        ValueError: if there is no point, the dimension differs from the target's, the number of
            weights does not fit, or their total is not 1.
    """
    check_instance("kernel", kernel, AbstractKernel)
    points = _checked_points(points, target)
    if weights is None:
        p = _uniform(points)  # a check of their total would make a training step wait for the GPU
    else:
        points, p = _checked_weights(weights, points)
    attraction = _mean_potential(kernel, points, target, p)
    repulsion = 0.5 * _pair_sum(kernel, points, points, p, p)
    return (attraction - repulsion - target.self_energy(kernel)).to(points.dtype)


def unbiased_squared_distance_to(
    kernel: AbstractKernel, points: Float[Tensor, "n d"] | ArrayLike, target: AbstractTarget
) -> Float[Tensor, ""]:
    """Returns an unbiased estimate of d^2 between samples' distribution and a target.

        mean_i m(x_i) - sum_{i != j} h(x_i, x_j) / (2n (n - 1)) - target.self_energy(kernel)

    Here m is the target's potential.

    Args:
        kernel: h.
        points: at least two i.i.d. samples.
        target: a distribution of the same dimension.

    Returns:
        A scalar in units of the kernel, differentiable in the points. It may be negative if the
        distributions are close.

    Raises:
        ValueError: if there are less than two points or the dimension differs from the target's.
    """
    check_instance("kernel", kernel, AbstractKernel)
    points = _checked_points(points, target, smallest=2)
    attraction = _mean_potential(kernel, points, target, _uniform(points))
    repulsion = 0.5 * _mean_between_different(kernel, points)
    return (attraction - repulsion - target.self_energy(kernel)).to(points.dtype)


def checked_weighted_sets(
    x: Float[Tensor, "n d"] | ArrayLike,
    y: Float[Tensor, "m d"] | ArrayLike,
    x_weights: Float[Tensor, " n"] | ArrayLike | None,
    y_weights: Float[Tensor, " m"] | ArrayLike | None,
) -> tuple[Float[Tensor, "n d"], Float[Tensor, "m d"], Float[Tensor, " n"], Float[Tensor, " m"]]:
    """Returns points and weights in one dtype on one device; uniform for None.

    Raises:
        ValueError: as in `squared_distance`.
    """
    x, y = as_points("x", x), as_points("y", y)
    if x.shape[1] != y.shape[1]:
        raise ValueError(
            "`x` and `y` must be point sets (n, d) and (m, d) of one dimension d, got "
            f"{tuple(x.shape)} and {tuple(y.shape)}."
        )
    p = None if x_weights is None else as_weights("x_weights", x_weights, len(x))
    q = None if y_weights is None else as_weights("y_weights", y_weights, len(y))
    given = [weights for weights in (p, q) if weights is not None]
    x, y, *_ = promoted(x, y, *given)
    p = _uniform(x) if p is None else p.to(x)
    q = _uniform(y) if q is None else q.to(y)
    # uniform weights need no check, which would wait for the GPU
    if given and not _close(p.sum(), q.sum(), p.abs().sum() + q.abs().sum()):
        raise ValueError(
            "`x_weights` and `y_weights` must have the same total, got "
            f"{float(p.sum()):.6g} and {float(q.sum()):.6g}; scale one of them."
        )
    return x, y, p, q


def _checked_points(
    points: Float[Tensor, "n d"] | ArrayLike, target: AbstractTarget, smallest: int = 1
) -> Float[Tensor, "n d"]:
    check_instance("target", target, AbstractTarget)
    return as_points("points", points, dim=target.dim, smallest=smallest, purpose=target)


def _checked_weights(
    weights: Float[Tensor, " n"] | ArrayLike, points: Float[Tensor, "n d"]
) -> tuple[Tensor, ...]:
    """Returns points and weights in one precision."""
    points, p = promoted(points, as_weights("weights", weights, len(points)))
    if not _close(p.sum(), p.new_ones(()), p.abs().sum()):
        raise ValueError(
            f"`weights` must have total 1, got {float(p.sum()):.6g}; divide them by their total."
        )
    return points, p


def _close(total: Tensor, other: Tensor, mass: Tensor) -> bool:
    """Returns whether two totals of weights are equal up to rounding.

    Args:
        total: of signed weights.
        other: the total to compare with.
        mass: sum of the absolute weights, which bounds the rounding error.
    """
    return bool((total - other).abs() <= 1e-4 * other.abs() + 1e-6 * mass)


def _pair_sum(
    kernel: AbstractKernel,
    x: Float[Tensor, "n d"],
    y: Float[Tensor, "m d"],
    p: Float[Tensor, " n"],
    q: Float[Tensor, " m"],
) -> Float[Tensor, ""]:
    """Returns sum_ij p_i q_j h(x_i, y_j), with the sum in float64.

    The kernel is computed in the points' precision. Such sums nearly cancel. In float32 no digits
    would be left where groups of points are far from each other.
    """

    def rows(block: slice, x: Tensor, y: Tensor, p: Tensor, q: Tensor) -> Tensor:
        return p[block].double() @ (kernel(x[block], y).double() @ q.double())

    with without_autocast(x):
        return sum_over_blocks(rows, row_blocks(len(x), len(y)), x, y, p, q)


def _mean_between_different(
    kernel: AbstractKernel, points: Float[Tensor, "n d"]
) -> Float[Tensor, ""]:
    """Returns the mean of h(x_i, x_j) over i != j."""
    n, p = len(points), _uniform(points)  # pairs i = j add 0 to the sum
    return _pair_sum(kernel, points, points, p, p) * (n / (n - 1))


def _mean_potential(
    kernel: AbstractKernel,
    points: Float[Tensor, "n d"],
    target: AbstractTarget,
    weights: Float[Tensor, " n"],
) -> Float[Tensor, ""]:
    potential = target.potential(kernel)

    def rows(block: slice, points: Tensor, weights: Tensor) -> Tensor:
        return potential(points[block]).double() @ weights[block].double()

    blocks = row_blocks(len(points), 256)  # a potential needs some hundred numbers per point
    return sum_over_blocks(rows, blocks, points, weights)


def _uniform(points: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
    return points.new_full((len(points),), 1 / len(points))
