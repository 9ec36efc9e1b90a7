"""L-BFGS against SciPy's minima and dense updates, and its stopping rules."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import optimize
from torch import Tensor

from hawc.compression import lbfgs
from hawc.compression.lbfgs import Minimum, Objective, StoppingRule, minimize
from tests.hawc.compression.cases import normal

STRICT = StoppingRule(1000, gradient_tolerance=1e-8, progress_tolerance=0.0, window=10)


class Counted:
    """A function that remembers at how many points each of its calls was made."""

    def __init__(self, function: Objective) -> None:
        self.function = function
        self.rows: list[int] = []

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        self.rows.append(len(x))
        return self.function(x)


def with_gradient(value: Callable[[Tensor], Tensor]) -> Objective:
    def function(x: Tensor) -> tuple[Tensor, Tensor]:
        at = x.detach().requires_grad_()
        result = value(at)
        (gradient,) = torch.autograd.grad(result.sum(), at)
        return result.detach(), gradient

    return function


def quadratic(condition: float = 100.0, dim: int = 12) -> Objective:
    scale = torch.logspace(0, math.log10(condition), dim)
    return with_gradient(lambda x: 0.5 * (scale * (x - 1).square()).sum(1))


def rosenbrock(x: Tensor) -> Tensor:
    return (100 * (x[:, 1:] - x[:, :-1].square()).square() + (1 - x[:, :-1]).square()).sum(1)


def two_wells(x: Tensor) -> Tensor:
    """A low well near -1 and a high one near 1 in the first coordinate; a long valley in others."""
    wells = 50 * ((x[:, 0].square() - 1).square() + x[:, 0])
    return wells + rosenbrock(x[:, 1:])


def found_from(
    function: Objective, start: Tensor, rule: StoppingRule = STRICT
) -> tuple[Minimum, list[int]]:
    counted = Counted(function)
    return minimize(counted, start, rule, first_step=0.25), counted.rows


def test_quadratic_is_minimized() -> None:
    found, _ = found_from(quadratic(), 3 * normal(4, 12))
    assert found.converged
    # the tolerance of the gradient over the smallest curvature
    assert found.point.tolist() == pytest.approx([1.0] * 12, abs=1e-8)


@pytest.mark.parametrize("dim", [2, 5])
def test_rosenbrock_reaches_scipys_minimum(dim: int) -> None:
    function, starts = with_gradient(rosenbrock), normal(5, dim)
    found, rows = found_from(function, starts)

    def numpy_function(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = function(torch.from_numpy(x)[None])
        return float(value), gradient[0].numpy()

    references = [
        optimize.minimize(numpy_function, start.numpy(), jac=True, method="L-BFGS-B", tol=1e-12)
        for start in starts
    ]
    best = min(references, key=lambda reference: reference.fun)
    assert found.converged
    assert found.point.tolist() == pytest.approx(best.x.tolist(), abs=1e-5)
    # weak Wolfe steps, each start halved away sooner or later: no more work than SciPy's
    assert sum(rows) < 1.5 * sum(reference.nfev for reference in references)


def test_a_batch_does_what_each_start_would_alone() -> None:
    function, starts = quadratic(3.0), 3 * normal(4, 12)
    together, rows = found_from(function, starts)
    alone = [found_from(function, start[None]) for start in starts]
    assert max(minimum.evaluations for minimum, _ in alone) < 30  # before any start is given up
    assert together.evaluations == sum(minimum.evaluations for minimum, _ in alone)
    assert len(rows) == max(minimum.evaluations for minimum, _ in alone)
    assert together.value == pytest.approx(min(m.value for m, _ in alone), abs=1e-15)


@pytest.mark.parametrize("max_iterations", [1, 7, 100])
def test_evaluations_are_counted_by_start(max_iterations: int) -> None:
    rule = StoppingRule(max_iterations, 1e-8, 0.0, 10)
    found, rows = found_from(with_gradient(rosenbrock), normal(6, 4), rule)
    assert found.evaluations == sum(rows)
    assert rows[0] == 6


def after_steps(count: int, function: Objective, start: Tensor) -> lbfgs._Descents:
    value, gradient = function(start)
    none = start.new_empty(len(start), 0, start.shape[1])
    square, log = start.new_empty(len(start), 0, 0), torch.stack([value, value], dim=1)
    descents = lbfgs._Descents(start, value, gradient, none, none, square, square, log)
    for _ in range(count):
        descents, moved, _ = lbfgs._step(function, descents, 0.25)
        assert moved.all()
    return descents


@pytest.mark.parametrize("count", [1, 2, 9, 10, 11, 14])
def test_direction_is_that_of_dense_updates(count: int) -> None:
    descents = after_steps(count, with_gradient(rosenbrock), normal(3, 6))
    assert descents.steps.shape[1] == min(count, 10)
    computed = lbfgs._direction(descents, 0.25)
    for row in range(3):
        steps, changes = descents.steps[row], descents.changes[row]
        inverse = (steps[-1] @ changes[-1]) / changes[-1].square().sum() * torch.eye(6)
        for step, change in zip(steps, changes, strict=True):
            curvature = step @ change
            project = torch.eye(6) - torch.outer(step, change) / curvature
            inverse = project @ inverse @ project.T + torch.outer(step, step) / curvature
        expected = -inverse @ descents.gradient[row]
        # the products of ten updates lose some digits
        torch.testing.assert_close(computed[row], expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("count", [1, 9, 10, 14])
def test_kept_products_are_those_of_steps_and_changes(count: int) -> None:
    descents = after_steps(count, with_gradient(rosenbrock), normal(3, 6))
    steps, changes = descents.steps, descents.changes
    torch.testing.assert_close(descents.products, steps @ changes.mT)  # the order of a sum
    torch.testing.assert_close(descents.squares, changes @ changes.mT)
    # what the decrease counts from, the start and every step
    assert descents.log.shape[1] == count + 2
    torch.testing.assert_close(descents.log[:, -1], rosenbrock(descents.point))


def test_first_direction_has_the_given_length() -> None:
    descents = after_steps(0, with_gradient(rosenbrock), normal(3, 6))
    direction = lbfgs._direction(descents, 0.25)
    torch.testing.assert_close(direction.norm(dim=1), torch.full((3,), 0.25))
    torch.testing.assert_close(
        direction * descents.gradient.norm(dim=1, keepdim=True), -0.25 * descents.gradient
    )


@pytest.mark.parametrize("length", [1e-4, 1.0, 1e3])
def test_steps_meet_the_weak_wolfe_conditions(length: float) -> None:
    function = with_gradient(two_wells)
    before = after_steps(0, function, normal(6, 4))
    direction = lbfgs._direction(before, length)
    trial, evaluations = lbfgs._line_search(function, before, direction)
    slope = (before.gradient * direction).sum(1)
    step = ((trial.point - before.point) * direction).sum(1) / direction.square().sum(1)
    assert trial.accepted.all()
    assert (step > 0).all()
    assert (trial.value <= before.value + 1e-4 * step * slope).all()
    assert ((trial.gradient * direction).sum(1) >= 0.9 * slope).all()
    value, gradient = function(trial.point)
    assert torch.equal(trial.value, value)
    assert torch.equal(trial.gradient, gradient)
    assert evaluations >= 6


def test_stops_at_the_limit_of_iterations() -> None:
    found, rows = found_from(
        with_gradient(rosenbrock), normal(1, 5), StoppingRule(3, 1e-8, 0.0, 10)
    )
    assert not found.converged
    assert 4 <= len(rows) < 12


@pytest.mark.parametrize("tolerance", [1.0, 1e-3, 1e-6])
def test_stops_at_a_flat_gradient(tolerance: float) -> None:
    function = quadratic()
    found, rows = found_from(function, 3 * normal(1, 12), StoppingRule(1000, tolerance, 0.0, 10))
    _, more = found_from(function, 3 * normal(1, 12), StoppingRule(1000, tolerance / 100, 0.0, 10))
    _, gradient = function(found.point[None])
    assert found.converged
    assert float(gradient.abs().max()) <= tolerance
    assert len(rows) < len(more)


def test_stops_without_progress() -> None:
    def run(progress: float, window: int) -> tuple[Minimum, int]:
        rule = StoppingRule(1000, 1e-300, progress, window)
        found, rows = found_from(quadratic(1e4), 3 * normal(1, 12), rule)
        return found, len(rows)

    lengths = [run(progress, 10)[1] for progress in (1e-1, 1e-3, 1e-9)]
    assert lengths == sorted(set(lengths))
    assert lengths[0] > 10  # never before there is a window
    assert run(1e-3, 2)[1] < run(1e-3, 10)[1]
    assert all(run(progress, 10)[0].converged for progress in (1e-1, 1e-9))


def test_progress_may_count_from_a_higher_value() -> None:
    function, start = quadratic(1e4), 3 * normal(1, 12)
    rule = StoppingRule(1000, 1e-300, 1e-6, 10)
    own, same, low, high = (
        minimize(function, start, rule, first_step=0.25, highest=highest).evaluations
        for highest in (None, float(function(start)[0]), 0.0, 1e9)
    )
    assert own == same == low  # never from a lower one
    assert high < own


def test_half_of_the_starts_are_given_up_every_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lbfgs, "_HALVED_EVERY", 30)  # the valley takes over sixty steps from here
    starts = torch.cat([torch.linspace(-1.2, 1.2, 8)[:, None], -1 - normal(8, 9).abs()], dim=1)
    function, given_up = with_gradient(two_wells), []
    for limit in (30, 60):
        _, before = found_from(function, starts, StoppingRule(limit, 1e-8, 0.0, 10))
        _, after = found_from(function, starts, StoppingRule(limit + 1, 1e-8, 0.0, 10))
        given_up.append(after[len(before)])
    assert given_up == [4, 2]
    found, _ = found_from(function, starts)
    assert found.converged
    assert float(found.point[0]) < -1  # in the lower well


def test_a_start_at_the_minimum_stays() -> None:
    found, rows = found_from(quadratic(), torch.ones(2, 12))
    assert found.converged
    assert found.value == 0
    assert torch.equal(found.point, torch.ones(12))
    assert rows == [2]


def test_a_start_at_nan_does_not_change_the_others() -> None:
    function, starts = quadratic(), 3 * normal(3, 12)
    expected, _ = found_from(function, starts[1:])
    starts[0, 3] = math.nan
    found, _ = found_from(function, starts)
    assert found.converged
    # products of other shapes may round differently
    torch.testing.assert_close(found.point, expected.point, rtol=0, atol=1e-7)


def test_reports_infinity_where_all_values_are_nan() -> None:
    found, _ = found_from(quadratic(), torch.full((3, 12), math.nan))
    assert found.value == math.inf  # no value at all
    assert not found.converged


def test_steps_back_where_the_function_is_nan() -> None:
    # -log(1 - x) - log(x), minimal at 1/2; every first step from 0.99 is too long
    barrier = with_gradient(lambda x: -torch.log(1 - x[:, 0]) - 2 * torch.log(x[:, 0]))
    found = minimize(barrier, torch.tensor([[0.99], [1e-3]]), STRICT, first_step=2.0)
    assert found.converged
    assert found.point.tolist() == pytest.approx([2 / 3], abs=1e-8)


def test_gives_up_where_no_step_is_good_enough() -> None:
    # gradients that are wrong in sign: no step along them lowers the value
    def wrong(x: Tensor) -> tuple[Tensor, Tensor]:
        value, gradient = quadratic(1.0)(x)
        return value, -gradient

    found, rows = found_from(wrong, 3 * normal(2, 12))
    assert not found.converged
    assert found.value == float(quadratic(1.0)(3 * normal(2, 12))[0].min())
    assert rows == [2] * 21  # the starts and twenty trials


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_a_start_without_a_finite_gradient_is_refused(wrong: float) -> None:
    def broken(x: Tensor) -> tuple[Tensor, Tensor]:
        value, gradient = quadratic()(x)
        return value, torch.where(x[:, :1] > 0, wrong, gradient)

    starts = torch.full((2, 12), 0.5)
    found, rows = found_from(broken, starts)
    assert found.value == math.inf  # no value at all
    assert sum(rows) == 4  # the starts and one trial of each, not twenty
    starts[0] = -4.0
    found, _ = found_from(broken, starts)
    assert math.isfinite(found.value)
    assert float(found.point[0]) <= 0


def test_no_tolerance_of_progress_bears_values_that_rise_by_their_rounding() -> None:
    flatness: list[float] = []

    def noisy(x: Tensor) -> tuple[Tensor, Tensor]:
        value, gradient = quadratic()(x)
        flatness.append(float(gradient.abs().max()))
        return 1e9 + value + 1e-3 * len(flatness), gradient

    found_from(noisy, 1 + 1e-3 * normal(1, 12))
    assert flatness[-1] <= 1e-8 < min(flatness[:-1])
