"""The objective against the distance of all points, its gradient, and optimal weights."""

import math
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from torch import Tensor

import hawc.blocks
import hawc.compression.problem
from hawc.compression.problem import CompressionProblem, Weights, jittered
from hawc.distances import squared_distance_to
from hawc.kernel_sum import EXPANDED_FROM_DIM, KernelSum
from hawc.kernels import AbstractKernel, Energy, GaussianComplement, HuberEnergy, Power
from hawc.targets import AbstractTarget, Empirical, StandardNormal
from tests.hawc.compression.cases import KERNELS, SMOOTH, normal, seeded

PLANE = StandardNormal(2)
EVERY_WEIGHTS = st.sampled_from(get_args(Weights))
BOTH_DIMS = pytest.mark.parametrize("dim", [2, EXPANDED_FROM_DIM])
BOTH_WEIGHTS = pytest.mark.parametrize("weights", get_args(Weights))


def total_distance(
    problem: CompressionProblem, past: Tensor, points: Tensor, weights: Tensor
) -> Tensor:
    """The squared distance of old points, weighing 1 each, and new ones, weighing K together."""
    share = torch.cat([torch.ones(len(past)), len(points) * weights]) / (len(past) + len(points))
    return squared_distance_to(problem.kernel, torch.cat([past, points]), problem.target, share)


def central_differences(problem: CompressionProblem, points: Tensor, step: float) -> Tensor:
    """Returns the gradient of f at one set (k, d), all differences in one batch of sets."""
    moves = step * torch.eye(points.numel()).reshape(-1, *points.shape)
    ahead, _ = problem.value_and_gradient(points + moves)
    behind, _ = problem.value_and_gradient(points - moves)
    return ((ahead - behind) / (2 * step)).reshape(points.shape)


@settings(max_examples=60)
@given(
    st.sampled_from(KERNELS),
    EVERY_WEIGHTS,
    st.integers(1, 5),
    st.integers(0, 6),
    st.sampled_from([1, 2, 3, EXPANDED_FROM_DIM]),
    st.integers(0, 2**20),
)
def test_objective_is_the_total_distance_up_to_a_constant(
    kernel: AbstractKernel, weights: Weights, size: int, num_past: int, dim: int, seed: int
) -> None:
    target, past = StandardNormal(dim), normal(num_past, dim, seed=seed)
    problem = CompressionProblem(target, size, past, kernel, weights)
    x, other = normal(size, dim, seed=seed + 1), 2 * normal(size, dim, seed=seed + 2)
    value, _ = problem.value_and_gradient(torch.stack([x, other]))
    factor = (size / (size + num_past)) ** 2
    first, second = (total_distance(problem, past, y, problem.weights(y)) for y in (x, other))
    # rounding of O(10) terms
    torch.testing.assert_close(factor * (value[0] - value[1]), first - second, rtol=0, atol=1e-11)


@BOTH_WEIGHTS
@BOTH_DIMS
@pytest.mark.parametrize("kernel", SMOOTH, ids=repr)
def test_gradient_matches_differences(kernel: AbstractKernel, dim: int, weights: Weights) -> None:
    past = normal(3, dim)
    for target in (StandardNormal(dim), Empirical(normal(6, dim, seed=1))):
        problem = CompressionProblem(target, 4, past, kernel, weights)
        points = torch.cat([past[:2], normal(2, dim, seed=2)])  # two on the history
        _, gradient = problem.value_and_gradient(points[None])
        # O(step^2) third derivatives, up to 1 / 0.1^2, and rounding over the step
        expected = central_differences(problem, points, step=1e-5)
        torch.testing.assert_close(gradient[0], expected, rtol=0, atol=1e-7)


@BOTH_DIMS
@pytest.mark.parametrize("kernel", SMOOTH, ids=repr)
def test_gradient_of_coincident_new_points_matches_differences(
    kernel: AbstractKernel, dim: int
) -> None:
    problem = CompressionProblem(StandardNormal(dim), 3, torch.ones(2, dim), kernel)
    points = torch.stack([torch.ones(dim), torch.ones(dim), -torch.ones(dim)])
    _, gradient = problem.value_and_gradient(points[None])
    expected = central_differences(problem, points, step=1e-5)
    torch.testing.assert_close(gradient[0], expected, rtol=0, atol=1e-7)  # as above


@pytest.mark.parametrize("kernel", KERNELS, ids=repr)
def test_gradient_is_finite_where_all_points_coincide(kernel: AbstractKernel) -> None:
    past = torch.zeros(4, 2)
    problem = CompressionProblem(Empirical(past), 3, past, kernel)
    value, gradient = problem.value_and_gradient(torch.zeros(1, 3, 2))
    assert value.isfinite().all()
    assert torch.equal(gradient, torch.zeros(1, 3, 2))  # by symmetry


@settings(max_examples=30)
@given(st.sampled_from(KERNELS), st.integers(2, 6), st.integers(0, 5), st.integers(0, 2**20))
def test_no_other_weights_of_total_one_are_better(
    kernel: AbstractKernel, size: int, num_past: int, seed: int
) -> None:
    past, points = normal(num_past, 2, seed=seed), normal(size, 2, seed=seed + 1)
    problem = CompressionProblem(PLANE, size, past, kernel, "optimal")
    best = problem.weights(points)
    assert float(best.sum()) == pytest.approx(1, abs=1e-9)  # solution of a linear system
    distance = total_distance(problem, past, points, best)
    for move in normal(5, size, seed=seed + 2):
        moved = best + 0.1 * (move - move.mean())
        assert total_distance(problem, past, points, moved) > distance


@BOTH_DIMS
def test_optimal_weights_are_those_of_a_constrained_minimiser(dim: int) -> None:
    past, points = normal(4, dim), normal(5, dim, seed=1)
    problem = CompressionProblem(StandardNormal(dim), 5, past, HuberEnergy(), "optimal")

    def distance(weights: np.ndarray) -> float:
        # SciPy's line search would stop at differences of 1e-9 times the value
        return 1e3 * float(total_distance(problem, past, points, torch.from_numpy(weights)))

    total_one = {"type": "eq", "fun": lambda p: p.sum() - 1}
    found = optimize.minimize(
        distance, np.full(5, 0.2), constraints=[total_one], method="SLSQP", tol=1e-12
    )
    # its gradients are differences over 1.5e-8
    assert problem.weights(points).tolist() == pytest.approx(found.x.tolist(), abs=1e-5)


@BOTH_WEIGHTS
def test_one_point_weighs_one(weights: Weights) -> None:
    problem = CompressionProblem(PLANE, 1, normal(3, 2), HuberEnergy(), weights)
    assert problem.weights(normal(1, 2, seed=1)).tolist() == [pytest.approx(1, abs=1e-12)]


@BOTH_WEIGHTS
@BOTH_DIMS
def test_each_set_of_a_batch_is_treated_alone(dim: int, weights: Weights) -> None:
    target, past = StandardNormal(dim), normal(3, dim)
    problem = CompressionProblem(target, 4, past, HuberEnergy(), weights)
    sets = normal(5, 4, dim, seed=1)
    values, gradients = problem.value_and_gradient(sets)
    for points, value, gradient in zip(sets, values, gradients, strict=True):
        alone = problem.value_and_gradient(points[None])
        # products of other shapes may round differently
        torch.testing.assert_close(alone[0][0], value, rtol=1e-13, atol=1e-13)
        torch.testing.assert_close(alone[1][0], gradient, rtol=1e-9, atol=1e-12)


@BOTH_WEIGHTS
@BOTH_DIMS
@pytest.mark.parametrize("kernel", KERNELS, ids=repr)
def test_blocks_change_nothing(
    kernel: AbstractKernel, dim: int, weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = CompressionProblem(StandardNormal(dim), 6, normal(3, dim), kernel, weights)
    sets = normal(2, 6, dim, seed=1)
    whole = problem.value_and_gradient(sets)
    monkeypatch.setattr(hawc.blocks, "_BLOCK_ENTRIES", 2048)
    monkeypatch.setattr(hawc.compression.problem, "_FEW_PAIRS", 71)
    # blocks do not know that a point is at distance 0 of itself, but for 1e-7 in many dimensions
    atol = 1e-12 if dim < EXPANDED_FROM_DIM else 1e-3 * kernel_step(kernel, 1e-7)
    for blocked, expected in zip(problem.value_and_gradient(sets), whole, strict=True):
        torch.testing.assert_close(blocked, expected, rtol=0, atol=max(atol, 1e-7))


def kernel_step(kernel: AbstractKernel, distance: float) -> float:
    return 1e3 * float(kernel.profile(torch.tensor(distance**2)))


@BOTH_DIMS
def test_a_long_history_in_float32_changes_little(
    dim: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    past, sets = normal(4000, dim).float(), normal(2, 5, dim, seed=1)
    short = CompressionProblem(StandardNormal(dim), 5, past, HuberEnergy())
    monkeypatch.setattr(hawc.compression.problem, "_SHORT_HISTORY", 0)
    long = CompressionProblem(StandardNormal(dim), 5, past, HuberEnergy())
    computed, exact = long.value_and_gradient(sets), short.value_and_gradient(sets)
    assert not torch.equal(computed[0], exact[0])
    assert computed[0].dtype == computed[1].dtype == torch.float64
    for one, other in zip(computed, exact, strict=True):
        # 800 distances are added a new point, each up to 10 and rounded to 1e-7 of that
        torch.testing.assert_close(one, other, rtol=0, atol=8e-4)


def test_another_potential_takes_the_place_of_the_exact_one() -> None:
    batch = normal(50, 2, seed=1)
    problem = CompressionProblem(PLANE, 3, normal(4, 2), HuberEnergy())
    same = CompressionProblem(Empirical(batch), 3, normal(4, 2), HuberEnergy())
    estimate = KernelSum(HuberEnergy(), batch, torch.full((50,), 1 / 50))
    sets = normal(2, 3, 2, seed=2)
    found, expected = problem.value_and_gradient(sets, estimate), same.value_and_gradient(sets)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)  # rounding


@pytest.mark.parametrize("target", [PLANE, Empirical(normal(9, 2).double())], ids=repr)
def test_start_is_samples_moved_slightly(target: AbstractTarget) -> None:
    problem = CompressionProblem(target, 12, torch.empty(0, 2), HuberEnergy())
    start = problem.start(seeded())
    moves = (start - target.sample(12, generator=seeded())).norm(dim=1)
    assert start.dtype == torch.float64
    assert (moves > 0).all()
    assert (moves < 1e-2).all()  # ten times the jitter's scale
    assert torch.equal(start, problem.start(seeded()))


def test_jitter_is_small_and_in_float64() -> None:
    moved = jittered(torch.zeros(1000, 2, dtype=torch.float32), seeded(), 1.0)
    assert moved.dtype == torch.float64
    assert float(moved.std()) == pytest.approx(1e-3, rel=0.1)  # 2000 samples


@BOTH_DIMS
@pytest.mark.parametrize("kernel", [HuberEnergy(1e-12), Power(0.05, 1e-9)], ids=repr)
def test_no_point_is_moved_by_its_own_slope(kernel: AbstractKernel, dim: int) -> None:
    problem = CompressionProblem(StandardNormal(dim), 4, torch.empty(0, dim), kernel)
    points = 10 + normal(4, dim)
    _, gradient = problem.value_and_gradient(points[None])
    expected = central_differences(problem, points, step=1e-4)
    # differences of values of order 10 over the step; slopes at 0 are above 1e11
    torch.testing.assert_close(gradient[0], expected, rtol=0, atol=1e-9)


@BOTH_DIMS
@pytest.mark.parametrize("kernel", [HuberEnergy(), Energy(), GaussianComplement()], ids=repr)
def test_coincident_points_share_their_optimal_weight(kernel: AbstractKernel, dim: int) -> None:
    target, past = StandardNormal(dim), normal(4, dim)
    pair = normal(2, dim, seed=1)
    weights = CompressionProblem(target, 5, past, kernel, "optimal").weights(pair[[0, 0, 0, 1, 1]])
    # rounding over the smallest curvature
    assert weights.tolist() == pytest.approx(
        [float(weights[:3].mean())] * 3 + [float(weights[3:].mean())] * 2, abs=1e-3
    )
    assert float(weights.sum()) == pytest.approx(1, abs=1e-9)  # solution of a linear system
    # as many points for the distribution, two of them new and weighing 5
    moved = torch.tensor([0.1, 0.1, 0.1, -0.15, -0.15])
    problem = CompressionProblem(target, 5, past, kernel)
    best = total_distance(problem, past, pair[[0, 0, 0, 1, 1]], weights)
    for other in (weights + moved, weights - moved):
        assert total_distance(problem, past, pair[[0, 0, 0, 1, 1]], other) > best


@pytest.mark.parametrize("weight", [0.8, 0.9, 1.0])
@pytest.mark.parametrize("num_past", [0, 2])
def test_a_smaller_weight_of_the_target_spreads_points(weight: float, num_past: int) -> None:
    """For h = |x - y| two points at -a and a are stationary if w T m'(a) = K' + K / 2.

    Here m'(a) = 2 F(a) - 1, F is the normal distribution function, and remembered points at 0 repel
    with slope 1. So F(a) = 1/2 + (K' + 1) / (2 w T) for K = 2.
    """
    target, total = StandardNormal(1), 2 + num_past
    a = math.sqrt(2) * torch.erfinv(torch.tensor((num_past + 1) / (weight * total)).double())
    past = torch.zeros(num_past, 1)
    problem = CompressionProblem(target, 2, past, Energy(), target_weight=weight)
    points = torch.stack([-a, a])[:, None]
    value, gradient = problem.value_and_gradient(points[None])
    assert float(gradient.abs().max()) < 1e-6  # rounding of the erfinv
    expected = problem.field_values(points).mean() - 0.25 * float(2 * a)
    assert float(value) == pytest.approx(float(expected), abs=1e-9)
    assert float(problem.value_and_gradient(1.01 * points[None])[0]) > float(value)
