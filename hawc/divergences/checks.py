"""Checks of weights that stand for distributions."""

import math

from jaxtyping import Float
from torch import Tensor

from hawc.points import ArrayLike, as_real, promoted

__all__ = ["balanced", "check_finite", "check_not_negative", "checked_distributions"]

_ROUNDING = 1e-5  # of the sum of some 10^4 weights in float32


def check_finite(name: str, points: Float[Tensor, "*shape"]) -> None:
    """Raises ValueError if a coordinate of the points called `name` is NaN or infinite."""
    wrong = ~points.isfinite()
    if bool(wrong.any()):
        raise ValueError(
            f"`{name}` must be finite, got {int(wrong.sum())} entries that are NaN or infinite; "
            "leave such points out."
        )


def check_not_negative(name: str, weights: Float[Tensor, " n"]) -> None:
    """Raises ValueError if one of the weights called `name` is negative or NaN."""
    if not bool((weights >= 0).all()):
        raise ValueError(
            f"`{name}` must not be negative, got {float(weights.detach().min()):.6g}; signed "
            "weights are for hawc.distances.squared_distance."
        )


def balanced(
    p: Float[Tensor, " n"], q: Float[Tensor, " m"], names: tuple[str, str]
) -> tuple[Float[Tensor, " n"], Float[Tensor, " m"]]:
    """Returns masses in float64, the second scaled to the very total of the first.

    Args:
        p: masses.
        q: masses of the same total, up to rounding of float32.
        names: of both, for messages.

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
    """Returns both distributions in one precision, float32 or better, on the device of the first.

    Raises:
        ValueError: if their supports differ in size, a weight is negative, or a total is not 1.
    """
    p, q = promoted(as_real("p", p), as_real("q", q))
    if p.shape != q.shape or p.ndim != 1 or len(p) == 0:
        raise ValueError(
            "`p` and `q` must be weights (n,) on one support, n >= 1, got shapes "
            f"{tuple(p.shape)} and {tuple(q.shape)}; give 0 to points without mass."
        )
    for name, weights in (("p", p), ("q", q)):
        check_not_negative(name, weights)
        total = float(weights.detach().sum())
        if not abs(total - 1) <= _ROUNDING:
            raise ValueError(
                f"`{name}` must have total 1, got {total:.6g}; divide the weights by their total."
            )
    return p, q
