"""The published algorithm: gradient steps, each with a new batch of the target."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.arguments import whole_number
from hawc.compression.problem import CompressionProblem
from hawc.compression.solver import AbstractSolver, Compression
from hawc.kernel_sum import KernelSum

__all__ = ["Stochastic"]


_ADAM = partial(torch.optim.Adam, lr=0.05)


@final
@dataclass(frozen=True)
class Stochastic(AbstractSolver):
    """A torch optimizer on the objective, with the potential estimated from a batch.

    The mean of h(x, z_b) over a batch is an unbiased estimate of m(x); the same holds for the
    gradients. The noise grows with the history like (Kp + K) / K; `Deterministic` has none. The
    number of steps is fixed, so `Compression.converged` is always False. U- and V-statistics of d^2
    differ by a sum over pairs of the batch, on which the points do not depend.

    Args:
        steps: of the optimizer, at least 1.
        batch_size: samples of the target per step, at least 1.
        optimizer: from a list of tensors to a torch optimizer without closure. It works in units of
            the target's `length_scale`, on K^2 f / (Kp + K): the gradient of the potential at one
            point is of order one.

    Raises:
        ValueError: if a number is out of its range.

    Source: G. Turinici 2022, arXiv 2202.03008, with the weights of ``hawc.compression``.
    """

    steps: int = 1000
    batch_size: int = 1000
    optimizer: Callable[[list[Tensor]], torch.optim.Optimizer] = _ADAM

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size"):
            whole_number(name, getattr(self, name), 1)

    def solve(
        self,
        problem: CompressionProblem,
        generator: torch.Generator,
        start: Float[Tensor, "k d"] | None = None,
    ) -> Compression:
        points = (problem.start(generator) if start is None else start.clone())[None]
        # the steps of an optimizer such as Adam have a length scale of their own
        unit = problem.target.length_scale
        units = problem.kernel.rescaled(unit)
        height = unit if units is None else units[1]
        scaled = points / unit
        optimizer = self.optimizer([scaled])
        scale = problem.size**2 / problem.total * (unit / height)
        share = points.new_full((self.batch_size,), 1 / self.batch_size)
        crowding = None
        for _ in range(self.steps):
            batch = problem.target.sample(self.batch_size, generator=generator).double()
            estimate = KernelSum(problem.kernel, batch, share, crowding)
            crowding = estimate.crowding  # batches of one target have similar values
            _, gradient = problem.value_and_gradient(points, estimate)
            scaled.grad = scale * gradient
            optimizer.step()
            points = unit * scaled.detach()
        value, _ = problem.value_and_gradient(points)
        weights = problem.weights(points[0])
        return Compression(points[0], weights, float(value), False, self.steps)
