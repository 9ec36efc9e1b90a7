"""Choices among values that rounding alone tells apart: the first of them, in every unit.

Searches that end in the same minimum, rotated or reflected, differ in the last digits of its value.
Those digits change with the unit of the points and with the machine.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["TIE_TOLERANCE", "tolerant_argmin", "tolerant_argsort"]

TIE_TOLERANCE = (
    1e-9  # relative: far above the rounding of float64, far below what is worth a search
)


def tolerant_argmin(values: Float[Tensor, " n"], margin: float | None = None) -> int:
    """Returns the first index whose value is the lowest but for a margin; NaN is the highest.

    Args:
        values: at least one.
        margin: difference that does not count, >= 0; a relative 1e-9 of the lowest if None.
    """
    values = values.nan_to_num(nan=torch.inf, posinf=torch.inf, neginf=-torch.inf)
    lowest = values.amin()
    margin = TIE_TOLERANCE * float(lowest.abs()) if margin is None else margin
    # the lowest itself is also compared: an infinite one has no margin
    tied = (values == lowest) | (values <= lowest + margin)
    return int(tied.to(torch.uint8).argmax())


def tolerant_argsort(values: Float[Tensor, " n"]) -> Int[Tensor, " n"]:
    """Returns the indices in ascending order of the values, tied ones in their own order.

    Values are tied with their neighbours in that order within a relative 1e-9; NaN comes last.
    """
    values = values.nan_to_num(nan=torch.inf, posinf=torch.inf, neginf=-torch.inf)
    ordered, order = values.sort()
    if len(values) < 2:
        return order
    apart = ordered.diff() > TIE_TOLERANCE * ordered[1:].abs()
    infinite = ordered[1:].isinf() & ordered[:-1].isfinite()  # inf > inf is false
    group = torch.nn.functional.pad((apart | infinite).cumsum(0), (1, 0))
    groups = torch.empty_like(group).scatter_(0, order, group)
    return groups.argsort(stable=True)
