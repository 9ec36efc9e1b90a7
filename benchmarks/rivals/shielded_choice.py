"""SPELL's rule as a choice: images are kept unless they lie in the shield of an earlier one.

The rule, see `repellency`, does not move images outside of all shields. Candidates cannot be moved:
the first ones without a force are chosen, and if there are too few the one with the smallest
potential of the force.

Source: Kirchhof et al. 2025, "Shielded Diffusion: Generating Novel and Diverse Images using Sparse
Repellency", arXiv 2410.06025. There the force acts on the expected image during denoising.
"""

from dataclasses import dataclass
from typing import final

import torch

from benchmarks.rivals.interface import Round
from benchmarks.rivals.repellency import shield_potential

__all__ = ["ShieldedChoice"]


@final
@dataclass(frozen=True)
class ShieldedChoice:
    """Chooses one candidate after the other.

    Args:
        radius: r >= 0, in units of the features.
    """

    radius: float

    def __call__(self, round_: Round) -> list[int]:
        """Returns the indices of n different candidates."""
        x = round_.features
        potential = shield_potential(x, round_.past, self.radius)
        chosen: list[int] = []
        for _ in range(round_.n):
            chosen.append(int(potential.argmin()))  # the first of equal ones
            potential = potential + shield_potential(x, x[chosen[-1:]], self.radius)
            potential[chosen] = torch.inf
        return chosen
