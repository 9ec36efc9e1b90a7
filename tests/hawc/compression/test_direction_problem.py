"""Directions at fixed lengths: the gradient, and the simplex that a descent would find."""

import numpy as np
import pytest
import torch
from torch import Tensor

from hawc.compression import CompressionProblem, Deterministic, Typical, compress
from hawc.compression.direction_problem import DirectionProblem
from hawc.compression.stratification import stratified_complement
from hawc.kernels import AbstractKernel, Energy, GaussianComplement, HuberEnergy
from hawc.targets import AbstractTarget, Normal, StandardNormal


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def with_directions(
    target: AbstractTarget, size: int, history: Tensor, kernel: AbstractKernel
) -> tuple[CompressionProblem, DirectionProblem]:
    """Returns a problem, and the same at the lengths that `Typical` gives a first batch."""
    problem, form = CompressionProblem(target, size, history, kernel), target.elliptical_form()
    assert form is not None
    probabilities = torch.from_numpy(stratified_complement(np.empty(0), size))
    return problem, DirectionProblem(problem, form, form.lengths_at(probabilities))


def test_gradient_is_that_of_the_objective() -> None:
    target = Normal(torch.ones(12), 4.0)
    history = target.sample(20, generator=seeded(1))
    _, directions = with_directions(target, 3, history, HuberEnergy())
    points = torch.randn(2, 3, 12, generator=seeded(2))
    _, gradient = directions.value_and_gradient(points)
    step = 1e-6 * torch.randn(points.shape, generator=seeded(3))
    above, _ = directions.value_and_gradient(points + step)
    below, _ = directions.value_and_gradient(points - step)
    torch.testing.assert_close(
        above - below, 2 * (gradient * step).sum((1, 2)), rtol=1e-5, atol=1e-11
    )


@pytest.mark.parametrize(("dim", "size"), [(8, 2), (8, 8), (64, 16)])
@pytest.mark.parametrize("kernel", [HuberEnergy(), Energy(), GaussianComplement(5.0)], ids=repr)
def test_a_simplex_is_what_a_descent_would_find(
    dim: int, size: int, kernel: AbstractKernel
) -> None:
    target = StandardNormal(dim)
    simplex = compress(target, size, kernel=kernel, solver=Typical(), generator=seeded()).points
    problem, directions = with_directions(target, size, torch.empty(0, dim), kernel)
    patient = Deterministic(restarts=4).solve(directions, seeded())
    found = directions.points(patient.points)
    values = [float(problem.value_and_gradient(points[None])[0]) for points in (simplex, found)]
    assert values[0] == pytest.approx(values[1], rel=3e-3)
