"""Vendi score guidance against a bank of earlier images (c-VSG), as a choice.

    maximize log VS(bank and x) - weight log VS(exemplars and x)

VS is the Vendi score of order q: the exponential of the Renyi entropy of the eigenvalues of K / n,
where K holds cosines between features. The second term keeps images within the variation of real
exemplars. q = 1 is c-VSG, q = 2 the order of SPARKE. Images are added one by one.

Source: Askari Hemmat et al. 2024, "Improving Geo-diversity of Generated Images with Contextualized
Vendi Score Guidance", ECCV, arXiv 2406.04551; Jalali et al. 2025, "SPARKE", arXiv 2506.10173;
Friedman and Dieng 2023, "The Vendi Score", arXiv 2210.02410.
"""

import math
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from benchmarks.rivals.interface import Round

__all__ = ["VendiBank", "entropies_with"]

_EXEMPLARS = 32  # of the data, evenly spaced


@final
@dataclass(frozen=True)
class VendiBank:
    """Chooses greedily.

    Args:
        order: q, 1 or 2.
        weight: of the exemplars' term, >= 0.
    """

    order: int = 1
    weight: float = 0.0

    def __call__(self, round_: Round) -> list[int]:
        """Returns the indices of n different candidates."""
        x = functional.normalize(round_.features.double())
        bank = functional.normalize(round_.past.double())
        against = x.new_zeros(len(x))
        if self.weight > 0:
            every = max(1, len(round_.data) // _EXEMPLARS)
            exemplars = functional.normalize(round_.data[::every][:_EXEMPLARS].double())
            against = self.weight * entropies_with(exemplars, x, self.order)
        chosen: list[int] = []
        for _ in range(round_.n):
            gain = entropies_with(torch.cat([bank, x[chosen]]), x, self.order) - against
            gain[chosen] = -torch.inf
            chosen.append(int(gain.argmax()))
        return chosen


def entropies_with(
    bank: Float[Tensor, "k f"], x: Float[Tensor, "m f"], order: int
) -> Float[Tensor, " m"]:
    """Returns the logarithm of the Vendi score of the bank and each x, all of length 1.

    Args:
        bank: perhaps empty.
        x: added one at a time.
        order: 1 or 2.
    """
    count = len(bank) + 1
    if order == 2:  # the sum of squared eigenvalues is that of all squared cosines
        total = (bank @ bank.T).square().sum() + 2 * (x @ bank.T).square().sum(1) + 1
        return 2 * math.log(count) - total.log()
    gram = x.new_ones(len(x), count, count)
    gram[:, :-1, :-1] = bank @ bank.T
    gram[:, -1, :-1] = gram[:, :-1, -1] = x @ bank.T
    eigenvalues = torch.linalg.eigvalsh(gram / count).clamp(min=0)
    return -torch.special.xlogy(eigenvalues, eigenvalues).sum(1)
