"""Choice among given candidates by exchange of single ones."""

from collections.abc import Callable
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hawc.compression.ties import tolerant_argmin

__all__ = ["MATRIX_CANDIDATES", "Repulsion", "exchange"]

# Up to this number of candidates a matrix of all pairs is worth its memory, 32 MiB.
MATRIX_CANDIDATES = 2048
_ROWS_TO_MATRIX = 128  # up to this number of candidates it is made from single rows
_MOST_SWEEPS = 50  # more than ten are rare
_ROUNDING = 1e-12  # relative: exchanges that gain less could undo each other for ever
# Entries of costs that all starts together compute for each exchange of all places.
_ENTRIES_PER_SWEEP = 2**19
_MOST_STARTS = 128
_SEED = 18

Repulsion = Callable[[int], Float[Tensor, " m"]] | Float[Tensor, "m m"]


def exchange(field: Float[Tensor, " m"], repulsion: Repulsion, size: int) -> list[int]:
    """Returns indices of `size` candidates at a local minimum under single exchanges.

    The objective is a function of the chosen candidates:

        f = (1/K) sum_k v_k - (1/(2 K^2)) sum_kl h_kl

    First the candidates are chosen greedily, one by one. Then each is replaced by the best
    candidate given all others, until no replacement lowers f. Among few candidates the search is
    repeated from up to 128 starts, and the best result is returned. The result is deterministic.

    Args:
        field: the v of all candidates, as `CompressionProblem.field_values`.
        repulsion: the symmetric matrix h, 0 on its diagonal; or a function from the index of a
            candidate to its row, which is called for the chosen ones alone if there are many.
        size: K, from 1 to the number of candidates.
    """
    if not isinstance(repulsion, Tensor):
        if len(field) > _ROWS_TO_MATRIX:
            return _exchanged_rows(field, repulsion, size)
        repulsion = torch.stack([repulsion(index) for index in range(len(field))])
    return _Search(field, repulsion, size).best()


@final
class _Search:
    """Choices and exchanges of several starts at once, on the matrix of all pairs."""

    def __init__(self, field: Float[Tensor, " m"], matrix: Float[Tensor, "m m"], size: int) -> None:
        self._field = field
        self._matrix = matrix / size
        self._size = size
        self._margin = _ROUNDING * float(field.abs().max() + self._matrix.abs().max())

    def best(self) -> list[int]:
        """Returns the choice with the lowest objective; of ties the first start's."""
        chosen = self._exchanged(torch.cat([self._greedy(), self._random()]))
        best = tolerant_argmin(self._objective(chosen), self._margin)
        return [int(index) for index in chosen[best]]

    def _starts(self) -> int:
        per_start = len(self._field) * self._size
        return max(1, min(_MOST_STARTS, _ENTRIES_PER_SWEEP // per_start))

    def _greedy(self) -> Int[Tensor, "r k"]:
        """Returns greedy choices: the plain one, and such with a given first candidate."""
        costs = self._field.nan_to_num(nan=torch.inf)
        first = costs.argsort(stable=True)[: (self._starts() + 1) // 2]
        first = torch.cat([first.new_tensor([tolerant_argmin(costs, self._margin)]), first])
        chosen = first[:, None]
        total = self._matrix[first]
        for _ in range(1, self._size):
            cost = (self._field - total).scatter(1, chosen, torch.inf)
            following = self._lowest(cost)
            chosen = torch.cat([chosen, following[:, None]], dim=1)
            total = total + self._matrix[following]
        return chosen

    def _random(self) -> Int[Tensor, "r k"]:
        """Returns random choices, the same for every call."""
        generator = torch.Generator("cpu").manual_seed(_SEED)
        keys = torch.rand(self._starts() // 2, len(self._field), generator=generator)
        return keys.to(self._field.device).topk(self._size, dim=1).indices

    def _exchanged(self, chosen: Int[Tensor, "r k"]) -> Int[Tensor, "r k"]:
        """Returns the choices after all single exchanges that lower the objective."""
        chosen = chosen.clone()
        total = self._matrix[chosen].sum(1)
        for _ in range(_MOST_SWEEPS):
            before = chosen.clone()
            for place in range(self._size):
                present = chosen[:, place].clone()
                total -= self._matrix[present]
                cost = self._field - total
                own = cost.gather(1, present[:, None])[:, 0]
                cost.scatter_(1, chosen, torch.inf)  # no candidate is chosen twice
                best = self._lowest(cost)
                better = cost.gather(1, best[:, None])[:, 0] < own - self._margin
                chosen[:, place] = torch.where(better, best, present)
                total += self._matrix[chosen[:, place]]
            if bool((chosen == before).all()):
                break
        return chosen

    def _lowest(self, cost: Float[Tensor, "r m"]) -> Int[Tensor, " r"]:
        """Returns for each start the first candidate whose cost is lowest up to rounding."""
        tied = cost <= cost.amin(1, keepdim=True) + self._margin
        return tied.to(torch.uint8).argmax(1)

    def _objective(self, chosen: Int[Tensor, "r k"]) -> Float[Tensor, " r"]:
        pairs = self._matrix[chosen[:, :, None], chosen[:, None]].sum((1, 2))
        return (self._field[chosen].sum(1) - 0.5 * pairs) / self._size


def _exchanged_rows(
    field: Float[Tensor, " m"], repulsion: Callable[[int], Float[Tensor, " m"]], size: int
) -> list[int]:
    """Returns the choice of a single greedy start, with the rows of few candidates."""
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
