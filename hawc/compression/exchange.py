"""The best of given candidates, by exchanging one after another."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.compression.ties import tolerant_argmin

__all__ = ["exchange"]

_MOST_SWEEPS = 50  # hardly ever more than ten are needed
_ROUNDING = 1e-12  # relative: an exchange that wins less could be undone by the next, for ever


def exchange(
    field: Float[Tensor, " m"],
    repulsion: Callable[[int], Float[Tensor, " m"]],
    size: int,
) -> list[int]:
    """Returns `size` different candidates whose objective no exchange of a single one lowers.

        f = (1/K) sum_k v_k - (1/(2 K^2)) sum_kl h_kl

    over the chosen. The first ones are put in place one by one, each the best beside those before
    it; then each in turn is replaced by the best one beside all others, until none changes.

    Args:
        field: the v of all candidates, e.g. `CompressionProblem.field`.
        repulsion: from a candidate to its h with all of them; h of each with itself is 0.
        size: K, from 1 to the number of candidates.
    """
    chosen: list[int] = []
    rows: list[Tensor] = []
    felt = torch.zeros_like(field)  # sum of h with the chosen
    least = _ROUNDING * float(field.abs().max())

    def costs(others: list[int]) -> Float[Tensor, " m"]:
        cost = field - felt / size
        cost[others] = torch.inf  # none is taken twice
        return cost

    for _ in range(size):
        chosen.append(tolerant_argmin(costs(chosen), least))
        rows.append(repulsion(chosen[-1]))
        felt = felt + rows[-1]
    for _ in range(_MOST_SWEEPS):
        before = list(chosen)
        for place in range(size):
            felt = felt - rows[place]
            cost = costs(chosen[:place] + chosen[place + 1 :])
            best = tolerant_argmin(cost, least)
            if cost[best] < cost[chosen[place]] - least:
                chosen[place], rows[place] = best, repulsion(best)
            felt = felt + rows[place]
        if chosen == before:
            break
    return chosen
