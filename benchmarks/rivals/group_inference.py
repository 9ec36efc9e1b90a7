"""Group inference's choice: quality plus diversity of a group.

    maximize sum_i u_i + lambda sum_{i<j} d_ij,    d_ij = 1 - cosine of the features

The authors have no memory: each group is chosen by itself. With memory the distances between new
and earlier images are part of the second sum. The exact choice is that of `hawc.select` with the
same objective: it reaches the optimum of all small instances and that of Gurobi
(`python -m benchmarks.selection`).

Source: Parmar et al. 2025, "Scaling Group Inference for Diverse and High-Quality Generation", arXiv
2508.15773, with lambda = 1.5.
"""

from dataclasses import dataclass
from typing import Literal, final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from benchmarks.rivals.interface import Round
from hawc.compression.exchange import exchange

__all__ = ["GroupInference", "group_value"]


@final
@dataclass(frozen=True)
class GroupInference:
    """Chooses a group greedily, or by exchanges from many starts.

    Args:
        weight: lambda >= 0.
        search: "greedy" or "exact".
        with_memory: whether earlier images count.
    """

    weight: float = 1.5
    search: Literal["greedy", "exact"] = "exact"
    with_memory: bool = False

    def __call__(self, round_: Round) -> list[int]:
        """Returns the indices of n different candidates."""
        value, distances = self.terms(round_)
        if self.search == "greedy":
            return _greedy(value, distances, round_.n)
        size = round_.n  # `exchange` minimizes mean(v) - sum_kl h / (2 K^2)
        return exchange(-value, size * distances, size)

    def terms(self, round_: Round) -> tuple[Float[Tensor, " m"], Float[Tensor, "m m"]]:
        """Returns the value of single candidates, and the weighted distances of pairs."""
        x = functional.normalize(round_.features.double())
        value = x.new_zeros(len(x)) if round_.quality is None else round_.quality.double()
        if self.with_memory and len(round_.past):
            past = functional.normalize(round_.past.double())
            value = value + self.weight * (1 - x @ past.T).sum(1)
        return value, self.weight * (1 - x @ x.T).fill_diagonal_(0)


def group_value(
    value: Float[Tensor, " m"], distances: Float[Tensor, "m m"], chosen: list[int]
) -> float:
    """Returns the objective of a group."""
    return float(value[chosen].sum() + distances[chosen][:, chosen].sum() / 2)


def _greedy(value: Float[Tensor, " m"], distances: Float[Tensor, "m m"], n: int) -> list[int]:
    gain, chosen = value.clone(), list[int]()
    for _ in range(n):
        best = int(gain.argmax())
        chosen.append(best)
        gain = gain + distances[best]
        gain[chosen] = -torch.inf
    return chosen
