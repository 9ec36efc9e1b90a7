"""Solvers are hashable values, and their results are consistent."""

from dataclasses import FrozenInstanceError

import pytest
import torch

from hawc.compression import AbstractSolver, Compression, Deterministic, Stochastic
from hawc.compression.problem import CompressionProblem
from hawc.kernels import HuberEnergy
from hawc.targets import StandardNormal
from tests.hawc.compression.cases import normal, seeded

SOLVERS = [Deterministic(max_iterations=3), Stochastic(steps=3, batch_size=10)]


def test_an_abstract_solver_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="abstract"):
        AbstractSolver()  # type: ignore[abstract]


def test_a_result_is_frozen() -> None:
    answer = Compression(torch.zeros(1, 2), torch.ones(1), 0.0, True, 1)
    with pytest.raises(FrozenInstanceError):
        answer.objective = 1.0  # type: ignore[misc]


@pytest.mark.parametrize("solver", SOLVERS, ids=repr)
def test_solvers_are_values(solver: AbstractSolver) -> None:
    assert solver in {Deterministic(max_iterations=3), Stochastic(steps=3, batch_size=10)}


@pytest.mark.parametrize("solver", SOLVERS, ids=repr)
def test_points_weights_and_objective_agree_and_starts_stay(solver: AbstractSolver) -> None:
    problem = CompressionProblem(StandardNormal(2), 4, normal(3, 2), HuberEnergy(), "optimal")
    start = normal(4, 2, seed=1)
    found = solver.solve(problem, seeded(), start)
    value, _ = problem.value_and_gradient(found.points[None])
    # rounding; points and objective come from one evaluation
    assert float(value) == pytest.approx(found.objective, abs=1e-12)
    assert torch.equal(found.weights, problem.weights(found.points))
    assert found.points.dtype == torch.float64
    assert not torch.equal(found.points, start)
    assert torch.equal(start, normal(4, 2, seed=1))
