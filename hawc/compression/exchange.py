"""Choice among given candidates by exchange of single ones."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.compression.ties import tolerant_argmin

__all__ = ["exchange"]

_MOST_SWEEPS = 50  # more than ten are rare
_ROUNDING = 1e-12  # relative: exchanges that gain less could undo each other for ever


def exchange(
    field: Float[Tensor, " m"],
    repulsion: Callable[[int], Float[Tensor, " m"]],
    size: int,
) -> list[int]:
    """Returns indices of `size` candidates at a local minimum under single exchanges.

    The objective is a function of the chosen candidates:

        f = (1/K) sum_k v_k - (1/(2 K^2)) sum_kl h_kl

    First the candidates are chosen greedily, one by one. Then each is replaced by the best
    candidate given all others, until no replacement lowers f.

    Args:
        field: the v of all candidates, as `CompressionProblem.field_values`.
        repulsion: from the index of a candidate to its h with all candidates, 0 with itself.
        size: K, from 1 to the number of candidates.
    """
    chosen: list[int] = []
    rows: list[Tensor] = []
    total = torch.zeros_like(field)  # sum of h with all chosen candidates
    least = _ROUNDING * float(field.abs().max())

    def costs(others: list[int]) -> Float[Tensor, " m"]:
        cost = field - total / size
        cost[others] = torch.inf  # no candidate is chosen twice
        return cost

    for _ in range(size):
        chosen.append(tolerant_argmin(costs(chosen), least))
        rows.append(repulsion(chosen[-1]))
        total = total + rows[-1]
    for _ in range(_MOST_SWEEPS):
        before = list(chosen)
        for place in range(size):
            total = total - rows[place]
            cost = costs(chosen[:place] + chosen[place + 1 :])
            best = tolerant_argmin(cost, least)
            if cost[best] < cost[chosen[place]] - least:
                chosen[place], rows[place] = best, repulsion(best)
            total = total + rows[place]
        if chosen == before:
            break
    return chosen
