"""Kernels, targets and distances in any unit and from any origin."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from hawc import Empirical, HistoryAwareSampler, compress
from hawc.compression import AbstractSolver, Deterministic, Stochastic
from hawc.distances import (
    squared_distance,
    squared_distance_to,
    unbiased_squared_distance,
    unbiased_squared_distance_to,
)
from hawc.divergences import entropic, line, transport
from hawc.kernels import AbstractKernel, Energy
from hawc.sliced import sliced_squared_distance
from hawc.targets import AbstractTarget, Normal, StudentT
from tests.hawc.properties.cases import CLOUD, KERNELS, TARGETS, cloud, seeded

# rounding of the points alone, 1e-16 of a coordinate, is 1e-10 of a spread after such a move
UNITS, FAR = [1e-12, 1e-3, 1e12], 1e6


def gradient(target: AbstractTarget, kernel: AbstractKernel, x: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    squared_distance_to(kernel, x, target).backward()
    assert x.grad is not None
    return x.grad


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("name", TARGETS)
def test_distances_scale_with_the_unit(name: str, kernel: str, unit: float) -> None:
    x, at_one, at_unit = cloud(7, 2), KERNELS[kernel](1.0), KERNELS[kernel](unit)
    scaled = at_unit.rescaled(unit)
    assert scaled is not None
    factor = scaled[1]
    for distance in (squared_distance_to, unbiased_squared_distance_to):
        expected = float(distance(at_one, x, TARGETS[name](1.0, 0.0)))
        found = float(distance(at_unit, unit * x, TARGETS[name](unit, 0.0))) / factor
        assert found == pytest.approx(expected, rel=1e-6)
    expected = float(squared_distance(at_one, x, CLOUD))
    assert float(squared_distance(at_unit, unit * x, unit * CLOUD)) == pytest.approx(
        factor * expected, rel=1e-6
    )
    slopes = gradient(TARGETS[name](unit, 0.0), at_unit, unit * x) * unit / factor
    torch.testing.assert_close(
        slopes, gradient(TARGETS[name](1.0, 0.0), at_one, x), rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("name", TARGETS)
def test_distances_do_not_depend_on_the_origin(name: str, kernel: str) -> None:
    x, h = cloud(7, 2), KERNELS[kernel](1.0)
    expected = float(squared_distance_to(h, x, TARGETS[name](1.0, 0.0)))
    found = float(squared_distance_to(h, x + FAR, TARGETS[name](1.0, FAR)))
    assert found == pytest.approx(expected, rel=1e-6)
    torch.testing.assert_close(
        gradient(TARGETS[name](1.0, FAR), h, x + FAR),
        gradient(TARGETS[name](1.0, 0.0), h, x),
        rtol=1e-6,
        atol=1e-8,
    )


@pytest.mark.parametrize("unit", UNITS)
def test_other_distances_scale_with_the_unit(unit: float) -> None:
    x, y = cloud(20, 3), cloud(30, 3, seed=2) + 1
    p = torch.full((20,), 1e-9)  # nor do they depend on the unit of the weights
    q = torch.full((30,), 20 / 30 * 1e-9)

    def all_of(x: Tensor, y: Tensor) -> list[float]:
        return [
            float(sliced_squared_distance(x, y, num_slices=9, generator=seeded())),
            float(unbiased_squared_distance(Energy(), x, y)),
            float(squared_distance(Energy(), x, y, p, q)) * 1e18,
            float(line.wasserstein_1(x[:, 0], y[:, 0], p, q)) * 1e9,
            transport.wasserstein_1(x, y, p, q) * 1e9,
        ]

    assert all_of(unit * x, unit * y) == pytest.approx(
        [unit * value for value in all_of(x, y)], rel=1e-6
    )


@pytest.mark.parametrize("unit", [1e-9, 1e6])
def test_smoothed_transport_scales_with_the_unit(unit: float) -> None:
    pytest.importorskip("ot")
    x, y = cloud(20, 3), cloud(30, 3, seed=2) + 1
    found = entropic.entropic_transport(unit * x, unit * y)
    assert found.cost == pytest.approx(unit * entropic.entropic_transport(x, y).cost, rel=1e-6)


@pytest.mark.parametrize("unit", [1e-12, 1e12])
@pytest.mark.parametrize("name", TARGETS)
def test_default_choices_scale_with_the_unit(name: str, unit: float) -> None:
    def chosen(c: float) -> float:
        target, past = TARGETS[name](c, 0.0), c * cloud(5, 2)
        points = compress(target, 4, history=past, generator=seeded()).points
        everything = torch.cat([past, points])
        return float(squared_distance_to(Energy(), everything, target)) / c

    # searches that differ by rounding end in points that differ more where the minimum is flat
    assert chosen(unit) == pytest.approx(chosen(1.0), rel=1e-5)


@pytest.mark.parametrize("unit", [1e-9, 1e9])
@pytest.mark.parametrize("solver", [Deterministic(restarts=1), Stochastic(20, 50)], ids=str)
@pytest.mark.parametrize("name", ["normal", "mixture"])
def test_choices_of_each_solver_scale_with_the_unit(
    name: str, solver: Deterministic | Stochastic, unit: float
) -> None:
    one, other = (
        compress(TARGETS[name](c, 0.0), 4, solver=solver, generator=seeded()).points / c
        for c in (1.0, unit)
    )
    torch.testing.assert_close(other, one, rtol=0, atol=1e-6)


CORRELATED = torch.tensor([[2.0, 0.5, 0.0], [0.5, 1.0, 0.3], [0.0, 0.3, 0.5]])
SYMMETRIC: dict[str, Callable[[float], AbstractTarget]] = {
    "isotropic": lambda c: Normal([0.0, 0.0], c * c),
    "correlated": lambda c: Normal([0.0, 0.0], c * c * CORRELATED[:2, :2]),
    "student": lambda c: StudentT(2, c),
    "space": lambda c: Normal([0.0, 0.0, 0.0], c * c),
    "correlated space": lambda c: Normal([0.0, 0.0, 0.0], c * c * CORRELATED),
    "line": lambda c: Empirical(c * torch.tensor([[-1.0], [0.0], [1.0]])),
}


MANY_SEARCHES = pytest.param(Deterministic(), marks=pytest.mark.integration)


@pytest.mark.parametrize("solver", [None, MANY_SEARCHES], ids=str)
@pytest.mark.parametrize("name", SYMMETRIC)
def test_points_of_a_sampler_scale_with_the_unit(name: str, solver: AbstractSolver | None) -> None:
    # several searches end in one minimum, rotated or reflected; rounding must not choose
    def rounds(unit: float) -> Tensor:
        sampler = HistoryAwareSampler(SYMMETRIC[name](unit), solver=solver)
        generator = seeded()
        return torch.cat([sampler.sample(n, generator=generator) for n in (3, 4, 4)]) / unit

    expected = rounds(1.0)
    for unit in (1e-9, 3.0):
        torch.testing.assert_close(rounds(unit), expected, rtol=1e-6, atol=1e-6)


def test_nanometres_give_the_same_rounds_as_metres() -> None:
    target = Empirical(5e-9 * torch.rand(400, 3, generator=seeded()))
    sampler, generator = HistoryAwareSampler(target, kernel=Energy()), seeded()
    for _ in range(10):
        sampler.sample(10, generator=generator)
    end = float(squared_distance_to(Energy(), sampler.history.points(), target))
    assert end / 1e-9 == pytest.approx(0.0017, abs=1.5e-4)  # the points are other ones
