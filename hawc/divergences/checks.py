"""Checks of weights that stand for laws."""

from jaxtyping import Float
from torch import Tensor

from hawc.kernels import full_precision

__all__ = ["check_not_negative", "checked_laws"]

_ROUNDING = 1e-5  # of the sum of some 10^4 weights in float32


def check_not_negative(name: str, weights: Float[Tensor, " n"]) -> None:
    """Raises ValueError if one of the weights called `name` is negative or NaN."""
    if not bool((weights >= 0).all()):
        raise ValueError(
            f"`{name}` must not be negative, got {float(weights.detach().min()):.6g}; signed "
            "weights are for hawc.squared_distance."
        )


def checked_laws(
    p: Float[Tensor, " n"], q: Float[Tensor, " m"]
) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """Returns both laws in float32 or better.

    Raises:
        ValueError: if their supports differ in size, a weight is negative, or a total is not 1.
    """
    if p.shape != q.shape or p.ndim != 1 or len(p) == 0:
        raise ValueError(
            "`p` and `q` must be weights (n,) on one support, n >= 1, got shapes "
            f"{tuple(p.shape)} and {tuple(q.shape)}; give 0 to points that a law leaves out."
        )
    for name, weights in (("p", p), ("q", q)):
        check_not_negative(name, weights)
        total = float(weights.detach().sum())
        if not abs(total - 1) <= _ROUNDING:
            raise ValueError(
                f"`{name}` must have total 1, got {total:.6g}; divide the weights by their total."
            )
    return full_precision(p), full_precision(q)
