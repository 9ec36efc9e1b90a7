"""Limited-memory BFGS on several starts at once, on any device.

SciPy's works on one start, on the CPU. Here all starts go through every evaluation together, which
costs little more than one of them where a single one cannot keep the machine busy, and after every
few iterations the worse half of them is given up.

Source: the compact form of the inverse Hessian in Byrd, Nocedal and Schnabel 1994, Mathematical
Programming 63:129, eq. 2.6; bisection for the weak Wolfe conditions in Lewis and Overton 2013,
Mathematical Programming 141:135; decrease judged by slopes where values drown in rounding in Hager
and Zhang 2005, SIAM J. Optimization 16:170.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

__all__ = ["Minimum", "StoppingRule", "minimize"]

Function = Callable[[Float[Tensor, "r n"]], tuple[Float[Tensor, " r"], Float[Tensor, "r n"]]]

_MEMORY = 10  # pairs of steps and gradient changes kept; 20 or 40 save hardly an evaluation here
_HALVED_EVERY = 30  # iterations after which the worse half of the starts is given up
_SUFFICIENT_DECREASE, _CURVATURE = 1e-4, 0.9
_MAX_TRIALS = 20  # of a line search; more only chase rounding errors


@final
@dataclass(frozen=True)
class StoppingRule:
    """When a start is done.

    Args:
        max_iterations: steps, at least 1.
        gradient_tolerance: largest coordinate of the gradient at which a start has converged.
        progress_tolerance: also converged is what the last `window` steps lowered by less than
            this share of the whole decrease so far; 0 never stops on that ground.
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
        value: of the function there.
        converged: whether a tolerance was met, rather than a limit.
        evaluations: of a start's value and gradient, all starts together.
    """

    point: Float[Tensor, " n"]
    value: float
    converged: bool
    evaluations: int


@dataclass(frozen=True)
class _Descents:
    """All starts that are still followed, one a row; `log` holds their values, oldest first."""

    point: Float[Tensor, "r n"]
    value: Float[Tensor, " r"]
    gradient: Float[Tensor, "r n"]
    steps: Float[Tensor, "r m n"]
    changes: Float[Tensor, "r m n"]  # of the gradient, over the steps
    log: Float[Tensor, "r i"]

    def rows(self, kept: Tensor) -> "_Descents":
        if len(kept) == len(self.value):
            return self  # nothing to leave out, and the copies would cost as much as a step
        return _Descents(**{name: tensor[kept] for name, tensor in vars(self).items()})


def minimize(
    function: Function, start: Float[Tensor, "r n"], rule: StoppingRule, *, first_step: float
) -> Minimum:
    """Returns the lowest point found from several starts.

    Args:
        function: value and gradient of each row of its argument.
        start: one start a row, in float64.
        rule: when to stop.
        first_step: Euclidean length of the first trial step, > 0.
    """
    value, gradient = function(start)
    none = start.new_empty(len(start), 0, start.shape[1])
    descents = _Descents(start, value, gradient, none, none, value[:, None])
    best, evaluations = Minimum(start[0], math.inf, False, 0), len(start)
    for iteration in range(rule.max_iterations + 1):
        converged = _converged(descents, rule)
        best = _better(best, descents, converged)
        going = (~converged).nonzero().flatten()
        if iteration > 0 and iteration % _HALVED_EVERY == 0:
            going = going[descents.value[going].argsort()[: (len(going) + 1) // 2]]
        if len(going) == 0 or iteration == rule.max_iterations:
            break
        descents, moved, count = _step(function, descents.rows(going), first_step)
        evaluations += count
        descents = descents.rows(moved.nonzero().flatten())  # the others have been judged above
    return replace(best, evaluations=evaluations)


def _converged(descents: _Descents, rule: StoppingRule) -> Bool[Tensor, " r"]:
    flat = descents.gradient.abs().amax(1) <= rule.gradient_tolerance
    log = descents.log
    if log.shape[1] <= rule.window:
        return flat
    recent, whole = log[:, -1 - rule.window] - log[:, -1], log[:, 0] - log[:, -1]
    return flat | (recent < rule.progress_tolerance * whole)


def _better(best: Minimum, descents: _Descents, converged: Bool[Tensor, " r"]) -> Minimum:
    """Returns the lower of the best so far and the lowest of the rows."""
    finite = descents.value.nan_to_num(nan=math.inf)
    if len(finite) == 0 or not float(finite.min()) <= best.value:
        return best
    row = int(finite.argmin())
    value = float(descents.value[row])
    return Minimum(descents.point[row], value, bool(converged[row]), best.evaluations)


def _step(
    function: Function, descents: _Descents, first_step: float
) -> tuple[_Descents, Bool[Tensor, " r"], int]:
    """Returns the descents one step on, which of them moved, and the number of evaluations."""
    direction = _direction(descents, first_step)
    trial = _line_search(function, descents, direction)
    step = trial.point - descents.point
    change = trial.gradient - descents.gradient
    stepped = _Descents(
        trial.point,
        trial.value,
        trial.gradient,
        torch.cat([descents.steps[:, 1 - _MEMORY :], step[:, None]], dim=1),
        torch.cat([descents.changes[:, 1 - _MEMORY :], change[:, None]], dim=1),
        torch.cat([descents.log, trial.value[:, None]], dim=1),
    )
    return stepped, trial.accepted, trial.evaluations


def _direction(descents: _Descents, first_step: float) -> Float[Tensor, "r n"]:
    """Returns minus the inverse Hessian's compact form, applied to the gradient."""
    gradient, steps, changes = descents.gradient, descents.steps, descents.changes
    if steps.shape[1] == 0:
        norm: Tensor = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
        return -first_step * gradient / norm.clamp_min(1e-300)
    products = steps @ changes.mT  # (r, m, m)
    squares = changes @ changes.mT
    curvature = products.diagonal(dim1=1, dim2=2)
    scale = (curvature[:, -1] / squares[:, -1, -1])[:, None, None]
    upper = products.triu()
    column = gradient[:, :, None]
    inner: Tensor = torch.linalg.solve_triangular(upper, steps @ column, upper=True)
    middle = curvature[:, :, None] * inner + scale * (squares @ inner - changes @ column)
    outer: Tensor = torch.linalg.solve_triangular(upper.mT, middle, upper=False)
    product = scale * (column - changes.mT @ inner) + steps.mT @ outer
    return -product[:, :, 0]


@dataclass
class _Trial:
    """The line search of every row: where it stands, and what it has found."""

    point: Float[Tensor, "r n"]
    value: Float[Tensor, " r"]
    gradient: Float[Tensor, "r n"]
    accepted: Bool[Tensor, " r"]
    evaluations: int


def _line_search(
    function: Function, descents: _Descents, direction: Float[Tensor, "r n"]
) -> _Trial:
    """Returns points that meet the weak Wolfe conditions; rows without one stay where they are."""
    slope = (descents.gradient * direction).sum(1)
    length = torch.ones_like(slope)
    low, high = torch.zeros_like(slope), torch.full_like(slope, math.inf)
    found = _Trial(
        descents.point.clone(),
        descents.value.clone(),
        descents.gradient.clone(),
        torch.zeros_like(slope, dtype=torch.bool),
        0,
    )
    open_rows = (slope < 0).nonzero().flatten()  # NaN and ascent are given up
    for _ in range(_MAX_TRIALS):
        if len(open_rows) == 0:
            break
        t, start_slope = length[open_rows], slope[open_rows]
        point = descents.point[open_rows] + t[:, None] * direction[open_rows]
        value, gradient = function(point)
        found.evaluations += len(open_rows)
        end_slope = (gradient * direction[open_rows]).sum(1)
        start_value = descents.value[open_rows]
        low_enough = _decreased(start_value, value, t, start_slope, end_slope)
        done = low_enough & (end_slope >= _CURVATURE * start_slope)
        rows = open_rows[done]
        found.point[rows], found.value[rows] = point[done], value[done]
        found.gradient[rows], found.accepted[rows] = gradient[done], True
        low[open_rows] = torch.where(low_enough, t, low[open_rows])
        high[open_rows] = torch.where(low_enough, high[open_rows], t)
        length = torch.where(high.isinf(), 3 * low, 0.5 * (low + high))
        open_rows = open_rows[~done]
    return found


def _decreased(
    start_value: Float[Tensor, " r"],
    value: Float[Tensor, " r"],
    length: Float[Tensor, " r"],
    start_slope: Float[Tensor, " r"],
    end_slope: Float[Tensor, " r"],
) -> Bool[Tensor, " r"]:
    """Returns where the value fell enough; near the minimum its slope is the better witness."""
    fell = value <= start_value + _SUFFICIENT_DECREASE * length * start_slope
    rounding = 1e-7 * start_value.abs()
    level = (value - start_value).abs() <= rounding
    return fell | (level & (end_slope <= -0.8 * start_slope))
