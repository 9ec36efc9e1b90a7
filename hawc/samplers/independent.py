"""I.i.d. samples that are recorded: the baseline for the other samplers."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.history import AbstractHistory
from hawc.samplers.abstract import AbstractSampler
from hawc.targets import AbstractTarget
from hawc.targets.sampling import float64_samples

__all__ = ["IndependentSampler"]


@final
class IndependentSampler(AbstractSampler):
    """Sampler of i.i.d. points, which ignores the history but records in it.

    Args:
        target: the distribution to sample.
        history: stores the points; a new `MemoryHistory` if None.

    Raises:
        ValueError: if the history's dimension is not the target's.
    """

    def __init__(self, target: AbstractTarget, history: AbstractHistory | None = None) -> None:
        super().__init__(target, history)

    def choose(
        self,
        n: int,
        past: Float[Tensor, "kp d"],
        generator: torch.Generator,
        previous: Float[Tensor, "n d"] | None = None,
    ) -> Float[Tensor, "n d"]:
        del past, previous
        with float64_samples():
            points = self.target.sample(n, generator=generator)
        return points.to(torch.get_default_dtype())
