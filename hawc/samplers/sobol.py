"""A scrambled Sobol sequence, mapped to the target distribution."""

from typing import final

import numpy as np
import torch
from jaxtyping import Float
from scipy.special import ndtri
from torch import Tensor

from hawc.arguments import whole_number
from hawc.history import AbstractHistory
from hawc.samplers.abstract import AbstractSampler
from hawc.targets import AbstractTarget, StandardNormal, UniformCube

__all__ = ["SobolSampler"]

_BITS = 30  # SciPy's default: a sequence of 2^30 points


@final
class SobolSampler(AbstractSampler):
    """Sampler of a scrambled Sobol sequence, mapped to the target.

    Each batch continues the sequence: its position is the number of points in the history. So a
    history holds one sequence, over any number of processes, if target and seed stay the same and
    no other sampler appends. The first 2^m points of a sequence are the best balanced.

    Args:
        target: `UniformCube` or `StandardNormal`, reached by the inverse normal distribution
            function of each coordinate.
        history: stores the points; a new `MemoryHistory` if None.
        seed: of the scrambling, at least 0. It is not recorded: use the same one for all samplers
            of a history.

    Raises:
        ValueError: if the target has no such map, the history's dimension is not the target's or
            `seed` is negative.

    Source: A. B. Owen 1998, "Scrambling Sobol' and Niederreiter-Xing points", J. Complexity
    14:466-489.
    """

    def __init__(
        self, target: AbstractTarget, history: AbstractHistory | None = None, *, seed: int = 0
    ) -> None:
        super().__init__(target, history)
        if not isinstance(target, StandardNormal | UniformCube):
            raise ValueError(
                f"`target` must be StandardNormal or UniformCube, got {target}; use "
                "HistoryAwareSampler for other targets."
            )
        self._seed = whole_number("seed", seed, 0)

    def choose(
        self,
        n: int,
        past: Float[Tensor, "kp d"],
        generator: torch.Generator,
        previous: Float[Tensor, "n d"] | None = None,
    ) -> Float[Tensor, "n d"]:
        del previous
        cube = _sobol_points(len(past), n, self.target.dim, self._seed)
        points = torch.from_numpy(self._from_unit_cube(cube))
        return points.to(generator.device, torch.get_default_dtype())

    def _counting(self, rows: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        return rows  # forgotten points keep their places in the sequence

    def _from_unit_cube(self, cube: np.ndarray) -> np.ndarray:
        if isinstance(self.target, UniformCube):
            return self.target.low + (self.target.high - self.target.low) * cube
        return np.asarray(ndtri(cube))


def _sobol_points(first: int, number: int, dim: int, seed: int) -> np.ndarray:
    """Returns points first, first + 1, ... of the sequence, in the open unit cube."""
    from scipy.stats import qmc  # scipy.stats takes half a second to import

    engine = qmc.Sobol(dim, scramble=True, bits=_BITS, rng=np.random.default_rng(seed))
    if first > 0:
        engine.fast_forward(first)
        cube = engine.random(number)
    else:  # SciPy warns if the first batch is not a power of two
        cube = engine.random(1 << (number - 1).bit_length())[:number]
    # the middle of each cell, since 0 would be mapped to minus infinity
    return cube + 0.5 ** (_BITS + 1)
