"""Limited-memory BFGS on several starts at once, on any device.

SciPy's L-BFGS works on one start, on the CPU. Here each evaluation takes all starts together. If
one start cannot keep the device busy, several take little more time. Every sixty iterations the
worse half of the starts is dropped.

Source: compact form of the inverse Hessian: Byrd, Nocedal and Schnabel 1994, Mathematical
Programming 63:129, eq. 2.6. Bisection for the weak Wolfe conditions: Lewis and Overton 2013,
Mathematical Programming 141:135. Decrease judged by slopes where values are lost in rounding: Hager
and Zhang 2005, SIAM J. Optimization 16:170.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hawc.compression.ties import TIE_TOLERANCE, tolerant_argmin, tolerant_argsort

__all__ = ["Minimum", "StoppingRule", "minimize"]

Objective = Callable[[Float[Tensor, "r n"]], tuple[Float[Tensor, " r"], Float[Tensor, "r n"]]]

_MEMORY = 10  # pairs of steps and gradient changes; 20 or 40 save hardly any evaluation
_HALVED_EVERY = 60  # iterations after which the worse half of the starts is dropped
_SUFFICIENT_DECREASE, _CURVATURE = 1e-4, 0.9
_ROUNDING = 1e-7  # of a value, relative: sums over long histories are in float32
_MAX_TRIALS = 20  # of a line search; more only chase rounding errors


@final
@dataclass(frozen=True)
class StoppingRule:
    """The conditions under which a start stops.

    Args:
        max_iterations: at least 1.
        gradient_tolerance: a start has converged if no coordinate of its gradient is larger.
        progress_tolerance: a start has also converged if its last `window` steps lowered the value
            by less than this share of its whole decrease. 0 disables this condition.
        window: number of steps, at least 1.
    """

    max_iterations: int
    gradient_tolerance: float
    progress_tolerance: float
    window: int = 10


@final
@dataclass(frozen=True)
class Minimum:
    """The best of all starts.

    Args:
        point: (n,).
        value: of the function at the point.
        converged: whether a tolerance was met, rather than the limit of iterations.
        evaluations: of value and gradient, over all starts.
    """

    point: Float[Tensor, " n"]
    value: float
    converged: bool
    evaluations: int


@dataclass(frozen=True)
class _Descents:
    """The state of all active starts, one per row."""

    point: Float[Tensor, "r n"]
    value: Float[Tensor, " r"]
    gradient: Float[Tensor, "r n"]
    steps: Float[Tensor, "r m n"]
    changes: Float[Tensor, "r m n"]  # of the gradient, over the steps
    products: Float[Tensor, "r m m"]  # of steps and changes
    squares: Float[Tensor, "r m m"]  # of changes and changes
    log: Float[Tensor, "r i"]  # the reference of the decrease, then all values

    def rows(self, kept: Tensor) -> "_Descents":
        if len(kept) == len(self.value):
            return self  # copies would take as long as a step
        return _Descents(**{name: tensor[kept] for name, tensor in vars(self).items()})


def minimize(
    function: Objective,
    start: Float[Tensor, "r n"],
    rule: StoppingRule,
    *,
    first_step: float,
    highest: float | None = None,
    known: tuple[Float[Tensor, " r"], Float[Tensor, "r n"]] | None = None,
) -> Minimum:
    """Returns the lowest of the points that the descents from several starts reach.

    Args:
        function: returns value and gradient at each row of its argument.
        start: one start per row, in float64.
        rule: stopping rule.
        first_step: Euclidean length of the first trial step, > 0.
        highest: reference value of the whole decrease; each start's value if None.
        known: values and gradients of the starts, if computed before.
    """
    value, gradient = function(start) if known is None else known
    value = value.where(gradient.isfinite().all(1), math.nan)  # no descent starts from there
    none = start.new_empty(len(start), 0, start.shape[1])
    empty = start.new_empty(len(start), 0, 0)
    top = value if highest is None else value.clamp(min=highest)
    log = torch.stack([top, value], dim=1)
    descents = _Descents(start, value, gradient, none, none, empty, empty, log)
    best, evaluations = Minimum(start[0], math.inf, False, 0), 0 if known else len(start)
    for iteration in range(rule.max_iterations + 1):
        converged = _converged(descents, rule)
        best = _better(best, descents, converged)
        going = (~converged).nonzero().flatten()
        if iteration > 0 and iteration % _HALVED_EVERY == 0:
            going = going[tolerant_argsort(descents.value[going])[: (len(going) + 1) // 2]]
        if len(going) == 0 or iteration == rule.max_iterations:
            break
        descents, moved, count = _step(function, descents.rows(going), first_step)
        evaluations += count
        descents = descents.rows(moved.nonzero().flatten())  # the others are in `best` already
    return replace(best, evaluations=evaluations)


def _converged(descents: _Descents, rule: StoppingRule) -> Bool[Tensor, " r"]:
    flat = descents.gradient.abs().amax(1) <= rule.gradient_tolerance
    log = descents.log
    if log.shape[1] <= rule.window + 1 or rule.progress_tolerance == 0:
        return flat  # values may rise by rounding, which is no sign of convergence
    recent, whole = log[:, -1 - rule.window] - log[:, -1], log[:, 0] - log[:, -1]
    return flat | (recent < rule.progress_tolerance * whole)


def _better(best: Minimum, descents: _Descents, converged: Bool[Tensor, " r"]) -> Minimum:
    """Returns the lower of the best so far and the lowest row; of tied ones the first."""
    if len(converged) == 0:
        return best
    # the last step of a start may raise its value by a rounding error
    allowance = 0.0 if best.converged else _ROUNDING
    judged = descents.value - allowance * converged * descents.value.abs()
    row = tolerant_argmin(judged)
    tied = TIE_TOLERANCE * abs(best.value) if best.converged else 0.0
    if not float(judged[row]) <= best.value - tied:
        return best
    value = float(descents.value[row])
    return Minimum(descents.point[row], value, bool(converged[row]), best.evaluations)


def _step(
    function: Objective, descents: _Descents, first_step: float
) -> tuple[_Descents, Bool[Tensor, " r"], int]:
    """Returns the descents after one step, which of them moved, and the evaluations."""
    direction = _direction(descents, first_step)
    trial, evaluations = _line_search(function, descents, direction)
    step = trial.point - descents.point
    change = trial.gradient - descents.gradient
    steps = torch.cat([descents.steps[:, 1 - _MEMORY :], step[:, None]], dim=1)
    changes = torch.cat([descents.changes[:, 1 - _MEMORY :], change[:, None]], dim=1)
    square = changes @ change[:, :, None]
    stepped = _Descents(
        trial.point,
        trial.value,
        trial.gradient,
        steps,
        changes,
        _bordered(descents.products, changes @ step[:, :, None], steps @ change[:, :, None]),
        _bordered(descents.squares, square, square),
        torch.cat([descents.log, trial.value[:, None]], dim=1),
    )
    return stepped, trial.accepted, evaluations


def _bordered(
    matrix: Float[Tensor, "r m m"], row: Float[Tensor, "r k 1"], column: Float[Tensor, "r k 1"]
) -> Float[Tensor, "r k k"]:
    """Returns the matrix with a new last row and column; a full one loses its first."""
    kept = matrix[:, 1 - _MEMORY :, 1 - _MEMORY :]
    return torch.cat([torch.cat([kept, row[:, :-1].mT], dim=1), column], dim=2)


def _direction(descents: _Descents, first_step: float) -> Float[Tensor, "r n"]:
    """Returns minus the inverse Hessian times the gradient, by the compact form."""
    gradient, steps, changes = descents.gradient, descents.steps, descents.changes
    if steps.shape[1] == 0:
        norm: Tensor = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
        return -first_step * gradient / norm.clamp_min(1e-300)
    curvature = descents.products.diagonal(dim1=1, dim2=2)
    scale = (curvature[:, -1] / descents.squares[:, -1, -1])[:, None, None]
    upper = descents.products.triu()
    column = gradient[:, :, None]
    inner: Tensor = torch.linalg.solve_triangular(upper, steps @ column, upper=True)
    middle = curvature[:, :, None] * inner + scale * (descents.squares @ inner - changes @ column)
    outer: Tensor = torch.linalg.solve_triangular(upper.mT, middle, upper=False)
    product = scale * (column - changes.mT @ inner) + steps.mT @ outer
    return -product[:, :, 0]


@dataclass(frozen=True)
class _Trial:
    """The points after a trial step, row by row."""

    point: Float[Tensor, "r n"]
    value: Float[Tensor, " r"]
    gradient: Float[Tensor, "r n"]
    low_enough: Bool[Tensor, " r"]
    accepted: Bool[Tensor, " r"]


def _line_search(
    function: Objective, descents: _Descents, direction: Float[Tensor, "r n"]
) -> tuple[_Trial, int]:
    """Returns points that meet the weak Wolfe conditions if accepted, and evaluations."""
    length = torch.ones_like(descents.value)
    result = _trial_at(function, descents, direction, length)
    evaluations = len(length)
    if bool(result.accepted.all()):  # nearly always
        return result, evaluations
    descending = (descents.gradient * direction).sum(1) < 0  # false for NaN
    low, high = torch.zeros_like(length), torch.full_like(length, math.inf)
    trial, rows = result, torch.arange(len(length), device=length.device)
    for _ in range(_MAX_TRIALS - 1):
        low[rows] = torch.where(trial.low_enough, length, low[rows])
        high[rows] = torch.where(trial.low_enough, high[rows], length)
        rows = rows[~trial.accepted & descending[rows]]
        if len(rows) == 0:
            break
        length = torch.where(high.isinf(), 3 * low, 0.5 * (low + high))[rows]
        trial = _trial_at(function, descents.rows(rows), direction[rows], length)
        evaluations += len(rows)
        for name, tensor in vars(result).items():
            tensor[rows] = getattr(trial, name)
    return result, evaluations


def _trial_at(
    function: Objective,
    descents: _Descents,
    direction: Float[Tensor, "r n"],
    length: Float[Tensor, " r"],
) -> _Trial:
    """Returns the points at `length` along the direction, and which are accepted."""
    point = descents.point + length[:, None] * direction
    value, gradient = function(point)
    start_slope, slope = (descents.gradient * direction).sum(1), (gradient * direction).sum(1)
    fell = value <= descents.value + _SUFFICIENT_DECREASE * length * start_slope
    # near the minimum values are lost in rounding, and slopes are more accurate
    level = (value - descents.value).abs() <= _ROUNDING * descents.value.abs()
    low_enough = fell | (level & (slope <= -0.8 * start_slope))
    # comparisons with NaN are false, and an ascent is never accepted
    accepted = low_enough & (slope >= _CURVATURE * start_slope) & (start_slope < 0)
    return _Trial(point, value, gradient, low_enough, accepted)
