"""The published algorithm: steps by hand, fresh batches, optimizers, history and arguments."""

from functools import partial
from typing import final

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from hawc.compression import CompressionProblem, Stochastic, compress
from hawc.distances import squared_distance_to
from hawc.kernels import AbstractKernel, Energy, HuberEnergy
from hawc.targets import AbstractTarget, Empirical, Potential, StandardNormal
from tests.hawc.compression.cases import seeded

PLANE = StandardNormal(2)
KERNEL = HuberEnergy()
SGD = partial(torch.optim.SGD, lr=0.1)


@final
class Counting(AbstractTarget):
    """Returns the samples 0, 1, 2, ... on the line, with any generator."""

    length_scale = 1.0  # known, so that it takes no samples

    def __init__(self) -> None:
        self.sampled = 0

    def __repr__(self) -> str:
        return "Counting()"

    @property
    def dim(self) -> int:
        return 1

    def sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n d"]:
        self.sampled += n
        return torch.arange(self.sampled - n, self.sampled).to(torch.get_default_dtype())[:, None]

    def potential(self, kernel: AbstractKernel) -> Potential:
        return lambda x: x.sum(1)

    def self_energy(self, kernel: AbstractKernel) -> float:
        return 1.0


def test_one_step_is_that_by_hand() -> None:
    # the distribution sits at z = 5, its past at y = 0 and y = 3; K = 2, T = 4. With the signs s of
    # differences K^2 f / T has the gradient s(x - z) - (s(x - 0) + s(x - 3)) / T - s(x - x') / T
    target, past = Empirical(torch.tensor([[5.0]])), torch.tensor([[0.0], [3.0]])
    problem = CompressionProblem(target, 2, past, Energy())
    start = torch.tensor([[1.0], [2.0]])
    found = Stochastic(1, 7, SGD).solve(problem, seeded(), start)
    # x = 1: -1 - (1 - 1) / 4 - (-1) / 4 = -0.75; x = 2: -1 - (1 - 1) / 4 - 1 / 4 = -1.25
    # a tenth of that is the step in the distribution's unit of length, which is a single point's
    # own size
    expected = [1 + 0.1 * 5 * 0.75, 2 + 0.1 * 5 * 1.25]
    assert found.points.flatten().tolist() == pytest.approx(expected, abs=1e-12)  # rounding
    assert found.evaluations == 1
    value, _ = problem.value_and_gradient(found.points[None])
    assert found.objective == float(value)


def test_each_step_sees_a_fresh_batch() -> None:
    # against the batches {0, 1}, {2, 3}, {4, 5} a point at 2.5 is moved by +1, 0, -1
    target = Counting()
    problem = CompressionProblem(target, 1, torch.empty(0, 1), Energy())
    ends = []
    for steps in (1, 2, 3):
        target.sampled = 0
        solver = Stochastic(steps, 2, SGD)
        ends.append(float(solver.solve(problem, seeded(), torch.tensor([[2.5]])).points))
        assert target.sampled == 2 * steps
    assert ends == pytest.approx([2.4, 2.4, 2.5], abs=1e-12)  # rounding


@pytest.mark.parametrize(
    "optimizer",
    [
        partial(torch.optim.SGD, lr=0.1, momentum=0.9),
        partial(torch.optim.Adam, lr=0.05),
        partial(torch.optim.AdamW, lr=0.05),
        partial(torch.optim.RMSprop, lr=0.01),
    ],
    ids=["sgd", "adam", "adamw", "rmsprop"],
)
def test_any_optimizer_comes_near_the_best(optimizer: partial[torch.optim.Optimizer]) -> None:
    solver = Stochastic(300, 200, optimizer)
    found = compress(PLANE, 5, solver=solver, generator=seeded())
    start = CompressionProblem(PLANE, 5, torch.empty(0, 2), KERNEL).start(seeded())
    distance = float(squared_distance_to(KERNEL, found.points, PLANE))
    best = float(squared_distance_to(KERNEL, compress(PLANE, 5, generator=seeded()).points, PLANE))
    assert distance < 0.5 * float(squared_distance_to(KERNEL, start, PLANE))
    assert best < distance < 1.2 * best  # steps of constant length in a noisy gradient


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_complements_the_history(side: float) -> None:
    target, past = Empirical(torch.tensor([[-1.0], [1.0]])), torch.tensor([[side]])
    found = compress(target, 1, history=past, solver=Stochastic(200, 50), generator=seeded())
    assert found.points.item() == pytest.approx(-side, abs=0.1)  # twice the step of Adam


def test_takes_optimal_weights() -> None:
    solver = Stochastic(100, 200)
    found = compress(PLANE, 5, solver=solver, weights="optimal", generator=seeded())
    assert float(found.weights.std()) > 1e-3
    uniform = squared_distance_to(KERNEL, found.points, PLANE)
    assert squared_distance_to(KERNEL, found.points, PLANE, found.weights) < uniform


@pytest.mark.parametrize("name", ["steps", "batch_size"])
def test_rejects_a_number_below_one(name: str) -> None:
    with pytest.raises(ValueError, match=f"`{name}` must be at least 1, got 0"):
        Stochastic(**{name: 0})
