"""Order of values that may differ by rounding alone: tied values keep their order.

Searches that end in the same minimum, rotated or reflected, differ in the last digits of its value.
These digits depend on the unit of the points and on the machine; the choice must not.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["TIE_TOLERANCE", "tolerant_argmin", "tolerant_argsort"]

# Relative: far above the rounding of float64, far below a gain that is worth a search.
TIE_TOLERANCE = 1e-9


def tolerant_argmin(values: Float[Tensor, " n"], margin: float | None = None) -> int:
    """Returns the first index whose value exceeds the lowest by at most a margin.

    Args:
        values: at least one; NaN counts as infinity.
        margin: >= 0; 1e-9 of the lowest absolute value if None.
    """
    values = values.nan_to_num(nan=torch.inf, posinf=torch.inf, neginf=-torch.inf)
    lowest = values.amin()
    margin = TIE_TOLERANCE * float(lowest.abs()) if margin is None else margin
    # an infinite lowest value has no margin
    tied = (values == lowest) | (values <= lowest + margin)
    return int(tied.to(torch.uint8).argmax())


def tolerant_argsort(values: Float[Tensor, " n"]) -> Int[Tensor, " n"]:
    """Returns the indices in ascending order of values; those of ties ascend.

    Values are tied with the next lower one within a relative 1e-9. NaN comes last.
    """
    values = values.nan_to_num(nan=torch.inf, posinf=torch.inf, neginf=-torch.inf)
    ordered, order = values.sort()
    if len(values) < 2:
        return order
    distinct = ordered.diff() > TIE_TOLERANCE * ordered[1:].abs()
    infinite = ordered[1:].isinf() & ordered[:-1].isfinite()  # inf > inf is false
    group = torch.nn.functional.pad((distinct | infinite).cumsum(0), (1, 0))
    groups = torch.empty_like(group).scatter_(0, order, group)
    return groups.argsort(stable=True)
