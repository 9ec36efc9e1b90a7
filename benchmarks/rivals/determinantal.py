"""The most probable set of a determinantal point process (DPP), chosen greedily.

    P(S) is proportional to det L_{S and past},    L_ij = q_i q_j exp(-|x_i - x_j|^2 / (2 s^2))

The width s is a multiple of the median distance between two candidates, q_i = exp(weight u_i) for
the quality u_i. Earlier images are part of the set: the process is conditioned on them. Each step
adds the candidate with the largest conditional variance, updated by one row of a Cholesky factor.

Source: Kulesza and Taskar 2012, "Determinantal point processes for machine learning", arXiv
1207.6083; the greedy updates are Chen, Zhang and Zhou 2018, "Fast greedy MAP inference for
determinantal point process", arXiv 1709.05135.
"""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.rivals.interface import Round
from hawc.precision import exact_distances

__all__ = ["GreedyDPP"]

_JITTER = 1e-6  # on the diagonal: copies of an image would make the kernel singular


@final
@dataclass(frozen=True)
class GreedyDPP:
    """Chooses greedily among candidates, given the past.

    Args:
        width: s over the median distance between two candidates.
        quality_weight: of the quality's exponent.
    """

    width: float = 0.5
    quality_weight: float = 0.0

    def __call__(self, round_: Round) -> list[int]:
        """Returns the indices of n different candidates."""
        x, past = round_.features.double(), round_.past.double()
        distances = exact_distances(x, x)
        median = float(distances[~torch.eye(len(x), dtype=torch.bool)].median())
        scale = self.width * median if median > 0 else 1.0
        kernel = torch.exp(-(distances.square()) / (2 * scale**2)).fill_diagonal_(1 + _JITTER)
        if len(past):
            kernel = kernel - _explained(x, past, scale)
        if round_.quality is not None:
            scores = (self.quality_weight * round_.quality.double()).exp()
            kernel = scores[:, None] * kernel * scores
        return greedy_map(kernel, round_.n)


def _explained(x: Float[Tensor, "m f"], past: Float[Tensor, "k f"], scale: float) -> Tensor:
    """Returns L_xp L_pp^{-1} L_px, by which the past reduces the kernel of x."""
    among = torch.exp(-exact_distances(past, past).square() / (2 * scale**2))
    among.fill_diagonal_(1 + _JITTER)
    across = torch.exp(-exact_distances(past, x).square() / (2 * scale**2))
    half = torch.linalg.solve_triangular(torch.linalg.cholesky(among), across, upper=False)
    return half.T @ half


def greedy_map(kernel: Float[Tensor, "m m"], n: int) -> list[int]:
    """Returns n indices, each of which increases log det of the chosen submatrix most."""
    variance = kernel.diagonal().clone()
    rows = kernel.new_zeros(n, len(kernel))
    chosen: list[int] = []
    for step in range(n):
        best = int(variance.argmax())
        chosen.append(best)
        row = kernel[best] - rows[:step, best] @ rows[:step]
        rows[step] = row / variance[best].clamp(min=_JITTER**2).sqrt()
        variance = variance - rows[step].square()
        variance[chosen] = -torch.inf
    return chosen
