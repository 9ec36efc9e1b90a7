"""compress(): arguments and refusals, results, and global states that it does not change."""

import math
import random
from dataclasses import dataclass
from typing import final

import numpy as np
import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from hawc.compression import (
    AbstractSolver,
    Compression,
    CompressionProblem,
    Deterministic,
    Stochastic,
    compress,
)
from hawc.distances import squared_distance_to
from hawc.kernels import AbstractKernel, Energy, HuberEnergy
from hawc.targets import AbstractTarget, Empirical, Potential, StandardNormal, StudentT
from tests.hawc.compression.cases import KERNELS, normal, seeded

KERNEL = HuberEnergy()
PLANE = StandardNormal(2)
QUICK = Deterministic(max_iterations=5)


@final
@dataclass(frozen=True)
class Bent(AbstractTarget):
    """The normal distribution of the plane, its potential bent by a function of one number."""

    factor: float

    @property
    def dim(self) -> int:
        return 2

    def sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n d"]:
        return torch.randn(n, 2, generator=generator)

    def potential(self, kernel: AbstractKernel) -> Potential:
        return lambda x: x.sum(1) * self.factor

    def self_energy(self, kernel: AbstractKernel) -> float:
        return 1.0


@final
@dataclass(frozen=True)
class Constant(AbstractSolver):
    """Returns a constant result."""

    value: float

    def solve(
        self,
        problem: CompressionProblem,
        generator: torch.Generator,
        start: Float[Tensor, "k d"] | None = None,
    ) -> Compression:
        size = problem.size
        points = torch.full((size, 2), self.value, dtype=torch.float64)
        return Compression(points, torch.full((size,), 1 / size), 0.0, True, 0)


def test_reported_objective_and_weights_are_those_of_the_points() -> None:
    past = normal(5, 2)
    found = compress(PLANE, 3, history=past, generator=seeded())
    problem = CompressionProblem(PLANE, 3, past, KERNEL)
    value, _ = problem.value_and_gradient(found.points[None])
    # rounding; minimised value and points come from one evaluation
    assert float(value) == pytest.approx(found.objective, abs=1e-12)
    assert found.weights.tolist() == [1 / 3] * 3


@pytest.mark.parametrize("kernel", KERNELS, ids=repr)
def test_every_kernel_is_minimized(kernel: AbstractKernel) -> None:
    past = normal(5, 2)
    found = compress(PLANE, 4, history=past, kernel=kernel, generator=seeded())
    problem = CompressionProblem(PLANE, 4, past, kernel)
    values, _ = problem.value_and_gradient(found.points + 0.1 * normal(100, 4, 2, seed=1))
    assert found.converged
    assert float(values.min()) > found.objective


@pytest.mark.parametrize("num_past", [0, 7])
def test_optimal_weights_give_a_lower_distance(num_past: int) -> None:
    past = normal(num_past, 2)
    uniform, optimal = (
        compress(PLANE, 8, history=past, weights=weights, generator=seeded())
        for weights in ("uniform", "optimal")
    )

    def distance(found: Compression) -> float:
        weights = torch.cat([torch.ones(num_past), 8 * found.weights]) / (num_past + 8)
        points = torch.cat([past, found.points])
        return float(squared_distance_to(KERNEL, points, PLANE, weights))

    assert float(optimal.weights.sum()) == pytest.approx(1, abs=1e-9)  # of a linear system
    assert distance(optimal) < distance(uniform) - 1e-5  # a hundred times the tolerance
    assert optimal.objective < uniform.objective


def test_starts_at_the_given_points() -> None:
    far = torch.tensor([[50.0, 50.0], [50.0, -50.0]])
    solver = Deterministic(max_iterations=1, restarts=1)  # no fresh samples beside it
    found = compress(PLANE, 2, start=far, solver=solver, generator=seeded())
    assert float((found.points - far).norm(dim=1).max()) < 40  # one step of some 0.4, tripled
    assert float(found.points[0, 1] - found.points[1, 1]) > 50  # the order stays
    assert torch.equal(far, torch.tensor([[50.0, 50.0], [50.0, -50.0]]))


def test_leaves_a_history_point_given_as_start() -> None:
    target, here = Empirical(torch.tensor([[-1.0], [0.0], [1.0]])), torch.zeros(1, 1)
    found = compress(target, 1, history=here, start=here, generator=seeded())
    assert found.points.abs().item() == pytest.approx(1, abs=10 * KERNEL.a)  # rounded corner


def test_empirical_distribution_is_compressed_beside_its_own_points() -> None:
    target, past = Empirical(normal(50, 2)), normal(50, 2)
    found = compress(target, 4, history=past, solver=Deterministic(restarts=1), generator=seeded(3))
    problem = CompressionProblem(target, 4, past, KERNEL)
    candidates = problem.candidates(seeded(3), 16)
    values, _ = problem.value_and_gradient(candidates)
    start = candidates[values.argmin()]
    assert found.points.isfinite().all()
    assert ((found.points - start).norm(dim=1) > 0.01).all()  # ten times the starts' jitter
    assert found.objective < float(values.min())


@pytest.mark.parametrize("target", [PLANE, StudentT(2), Empirical(normal(9, 2).double())], ids=repr)
@pytest.mark.parametrize("solver", [QUICK, Stochastic(5, 10)], ids=repr)
def test_same_seed_gives_the_same_points(target: AbstractTarget, solver: AbstractSolver) -> None:
    first, again, other = (
        compress(target, 3, history=normal(2, 2), solver=solver, generator=seeded(seed)).points
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_leaves_global_random_numbers_alone() -> None:
    before = torch.get_rng_state(), str(np.random.get_state()), random.getstate()  # noqa: NPY002
    compress(PLANE, 3, solver=QUICK, generator=seeded())
    after = torch.get_rng_state(), str(np.random.get_state()), random.getstate()  # noqa: NPY002
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("past_dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_points_have_the_default_dtype(dtype: torch.dtype, past_dtype: torch.dtype) -> None:
    torch.set_default_dtype(dtype)
    past = torch.ones(2, 2, dtype=past_dtype)
    found = compress(PLANE, 3, history=past, solver=QUICK, weights="optimal", generator=seeded())
    assert found.points.dtype == found.weights.dtype == dtype
    assert found.points.shape == (3, 2)
    assert found.weights.shape == (3,)
    assert not found.points.requires_grad


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("num_past", [3, 40_000])
def test_works_where_gradients_are_off(mode: type[torch.no_grad], num_past: int) -> None:
    kernel = HuberEnergy(1.5e-5)  # used nowhere else, so nothing is remembered about it
    solver = Deterministic(max_iterations=3, restarts=2)

    def run() -> Tensor:
        past, start = normal(num_past, 2).float(), normal(3, 2, seed=1)
        return compress(
            PLANE, 3, history=past, kernel=kernel, solver=solver, start=start, generator=seeded()
        ).points

    with mode():
        found = run()
    assert torch.equal(found, run())


def test_rejects_a_size_below_one() -> None:
    with pytest.raises(ValueError, match="`size` must be at least 1, got 0"):
        compress(PLANE, 0, generator=seeded())


@pytest.mark.usefixtures("no_shape_checks")
def test_rejects_unknown_weights() -> None:
    match = r"`weights` must be one of \('uniform', 'optimal'\), got 'best'"
    with pytest.raises(ValueError, match=match):
        compress(PLANE, 1, weights="best", generator=seeded())  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(3, 1), (2,), (1, 2, 2)])
@pytest.mark.usefixtures("no_shape_checks")
def test_rejects_a_history_of_another_dimension(shape: tuple[int, ...]) -> None:
    match = r"`history` must have shape \(n, 2\) with n >= 0 for StandardNormal"
    with pytest.raises(ValueError, match=match):
        compress(PLANE, 1, history=torch.ones(shape), generator=seeded())


@pytest.mark.parametrize("shape", [(3, 2), (2, 1), (4,)])
@pytest.mark.usefixtures("no_shape_checks")
def test_rejects_a_start_of_another_shape(shape: tuple[int, ...]) -> None:
    message = r"`start` must (have shape \(n, 2\)|hold `size` = 2 points)"
    with pytest.raises(ValueError, match=message):
        compress(PLANE, 2, start=torch.ones(shape), generator=seeded())


@pytest.mark.parametrize("name", ["history", "start"])
@pytest.mark.parametrize("values", [[math.nan, 0.0], [0.0, math.inf], [math.inf, -math.inf]])
def test_rejects_points_that_are_not_finite(name: str, values: list[float]) -> None:
    with pytest.raises(ValueError, match=f"`{name}` must be finite, got NaN or infinite"):
        compress(PLANE, 1, **{name: torch.tensor([values])}, generator=seeded())


@pytest.mark.parametrize(
    ("target", "solver"),
    [
        (Bent(math.nan), Deterministic()),
        (Bent(math.inf), Deterministic()),
        (PLANE, Constant(math.nan)),
        (PLANE, Constant(math.inf)),
    ],
    ids=repr,
)
def test_reports_a_result_that_is_not_finite(
    target: AbstractTarget, solver: AbstractSolver
) -> None:
    with pytest.raises(RuntimeError, match="to 3 points gave NaN or infinity; check that the"):
        compress(target, 3, solver=solver, generator=seeded())


def test_takes_any_solver_and_kernel() -> None:
    found = compress(PLANE, 2, kernel=Energy(), solver=Constant(3.0), generator=seeded())
    assert found.points.tolist() == [[3.0, 3.0]] * 2


@pytest.mark.parametrize("dim", [2, 16])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_long_history_in_half_precision_is_summed_in_float32(
    dtype: torch.dtype, dim: int
) -> None:
    past, target = normal(2**16 // dim + 1, dim).to(dtype), StandardNormal(dim)
    solver = Deterministic(max_iterations=3, restarts=1)
    found, expected = (
        compress(target, 2, history=points, solver=solver, generator=seeded())
        for points in (past, past.float())
    )
    assert torch.equal(found.points, expected.points)


@pytest.mark.parametrize("dim", [2, 16])
def test_autocast_changes_nothing(dim: int) -> None:
    past, target = normal(2**16 // dim + 1, dim).float(), StandardNormal(dim)
    solver = Deterministic(max_iterations=3, restarts=1)
    expected = compress(target, 2, history=past, solver=solver, generator=seeded())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = compress(target, 2, history=past, solver=solver, generator=seeded())
    assert torch.equal(found.points, expected.points)


@final
@dataclass(frozen=True)
class Steep(AbstractTarget):
    """The plane's normal distribution with a potential that has a value everywhere, but no
    gradient.
    """

    @property
    def dim(self) -> int:
        return 2

    def sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n d"]:
        return torch.randn(n, 2, generator=generator)

    def potential(self, kernel: AbstractKernel) -> Potential:
        return lambda x: 1 + (0 * x.sum(1)).sqrt()

    def self_energy(self, kernel: AbstractKernel) -> float:
        return 1.0


def test_reports_a_gradient_that_is_not_finite() -> None:
    with pytest.raises(RuntimeError, match="gave NaN or infinity; check that the"):
        compress(Steep(), 3, generator=seeded())
