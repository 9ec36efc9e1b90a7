"""Checks of points and of weights that represent distributions."""

import math

from jaxtyping import Float
from torch import Tensor

from hawc.points import ArrayLike, as_real, promoted

__all__ = ["balanced", "check_finite", "check_not_negative", "checked_distributions"]

_ROUNDING = 1e-5  # of a sum of about 10^4 weights in float32


def check_finite(name: str, points: Float[Tensor, "*shape"]) -> None:
    """Raise ValueError if a coordinate of the points `name` is NaN or infinite."""
    wrong = ~points.isfinite()
    if bool(wrong.any()):
        raise ValueError(
            f"`{name}` must be finite, got {int(wrong.sum())} entries that are NaN or infinite; "
            "remove such points."
        )


def check_not_negative(name: str, weights: Float[Tensor, " n"]) -> None:
    """Raise ValueError if one of the weights `name` is negative or NaN."""
    if not bool((weights >= 0).all()):
        raise ValueError(
            f"`{name}` must not be negative, got {float(weights.detach().min()):.6g}; signed "
            "weights are possible in hawc.distances.squared_distance."
        )


def balanced(
    p: Float[Tensor, " n"], q: Float[Tensor, " m"], names: tuple[str, str]
) -> tuple[Float[Tensor, " n"], Float[Tensor, " m"]]:
    """Returns masses in float64, with q scaled to the exact total of p.

    Args:
        p: masses.
        q: masses with the same total, up to rounding in float32.
        names: of both arguments, for messages.

    Raises:
        ValueError: if a mass is negative, or totals are 0, infinite or differ.
    """
    for name, masses in zip(names, (p, q), strict=True):
        check_not_negative(name, masses)
    p, q = p.double(), q.double()
    total, other = float(p.detach().sum()), float(q.detach().sum())
    if not 0 < total < math.inf or not math.isclose(total, other, rel_tol=1e-4):
        raise ValueError(
            f"`{names[0]}` and `{names[1]}` must have the same positive total, got {total:.6g} and "
            f"{other:.6g}; scale one of them."
        )
    return p, q * (total / other)


def checked_distributions(
    p: Float[Tensor, " n"] | ArrayLike, q: Float[Tensor, " m"] | ArrayLike
) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """Returns both in one dtype, float32 or wider, on the device of the first.

    Raises:
        ValueError: if their supports differ in size, a weight is negative, or a total is not 1.
    """
    p, q = promoted(as_real("p", p), as_real("q", q))
    if p.shape != q.shape or p.ndim != 1 or len(p) == 0:
        raise ValueError(
            "`p` and `q` must be weights (n,) on one support, n >= 1, got shapes "
            f"{tuple(p.shape)} and {tuple(q.shape)}; use weight 0 for points without mass."
        )
    for name, weights in (("p", p), ("q", q)):
        check_not_negative(name, weights)
        total = float(weights.detach().sum())
        if not abs(total - 1) <= _ROUNDING:
            raise ValueError(
                f"`{name}` must have total 1, got {total:.6g}; divide the weights by their total."
            )
    return p, q
