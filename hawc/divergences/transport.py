"""Exact optimal transport between weighted point sets, with a proof of optimality.

    min  sum_ij P_ij c_ij   over P >= 0 with row sums p and column sums q            (plan)
    max  sum_i p_i f_i + sum_j q_j g_j   over f_i + g_j <= c_ij                      (dual)

Both values are equal (Kantorovich). A feasible plan and feasible potentials f, g of equal value
therefore prove each other optimal; `Transport` has both. With c = |x - y| the value is W1, and f is
the function that the critic of a WGAN approximates: 1-Lipschitz, with g = -f at points of both
sets.

The network simplex of the package POT solves 2,000 by 2,000 points in seconds on a CPU core
(`benchmarks/optimal_transport.py`). Without POT, SciPy's linear programming solves small sets.

Source: Villani 2009, "Optimal transport: old and new", ch. 5; Flamary et al. 2021, "POT: Python
Optimal Transport", JMLR 22(78); Bonneel et al. 2011, "Displacement interpolation using Lagrangian
mass transport", ACM Trans. Graphics 30(6), for the network simplex.
"""

import importlib.util
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import linprog
from scipy.sparse import eye_array, kron, vstack
from torch import Tensor

from hawc.distances import checked_weighted_sets
from hawc.divergences.checks import balanced, check_finite
from hawc.points import ArrayLike, as_real
from hawc.precision import exact_distances

__all__ = ["Transport", "distance_costs", "optimal_plan", "optimal_transport", "wasserstein_1"]

_MAX_PAIRS = 90_000  # about two seconds of SciPy's linear programming
_MAX_PIVOTS = 10_000_000  # of the network simplex; 2,000 by 2,000 points need about 100,000

_Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


@final
@dataclass(frozen=True)
class Transport:
    """A plan and potentials that prove it optimal, in float64.

    Args:
        plan: mass from point i of the first set to point j of the second, >= 0.
        x_potential: f, one number for each point of the first set.
        y_potential: g, one number for each point of the second set.
        cost: of the plan, in units of the costs times mass.
        dual_value: of the potentials, in the same units.
        excess: the largest f_i + g_j - c_ij; the potentials are feasible if it is <= 0.
    """

    plan: Float[Tensor, "n m"]
    x_potential: Float[Tensor, " n"]
    y_potential: Float[Tensor, " m"]
    cost: float
    dual_value: float
    excess: float

    @property
    def gap(self) -> float:
        """The cost minus the dual value: 0 up to rounding if both are optimal."""
        return self.cost - self.dual_value


def wasserstein_1(
    x: Float[Tensor, "n d"] | ArrayLike,
    y: Float[Tensor, "m d"] | ArrayLike,
    x_weights: Float[Tensor, " n"] | ArrayLike | None = None,
    y_weights: Float[Tensor, " m"] | ArrayLike | None = None,
) -> float:
    """Returns the cost of `optimal_transport`; see there for arguments and errors."""
    return optimal_transport(x, y, x_weights, y_weights).cost


def optimal_transport(
    x: Float[Tensor, "n d"] | ArrayLike,
    y: Float[Tensor, "m d"] | ArrayLike,
    x_weights: Float[Tensor, " n"] | ArrayLike | None = None,
    y_weights: Float[Tensor, " m"] | ArrayLike | None = None,
) -> Transport:
    """Returns the optimal transport between two weighted point sets at cost |x - y|.

    Its cost is the Wasserstein-1 distance if the weights have total 1. It has no gradient.

    Args:
        x: points.
        y: points of the same dimension.
        x_weights: >= 0; uniform with total 1 if None.
        y_weights: >= 0 with the same total; uniform with total 1 if None.

    Raises:
        ValueError: if a set is empty, a point not finite, a weight negative, or there are too many
            points without POT; also if dimensions, numbers of weights or totals differ.
    """
    x, y, p, q = checked_weighted_sets(x, y, x_weights, y_weights)
    return _solved(
        *_checked_problem(distance_costs(x.detach(), y.detach()), p, q, ("x_weights", "y_weights"))
    )


def distance_costs(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    """Returns |x_i - y_j| in float64, exact for close points too.

    Raises:
        ValueError: if a point is not finite.
    """
    check_finite("x", x)
    check_finite("y", y)
    return exact_distances(x.double(), y.double())


def optimal_plan(
    costs: Float[Tensor, "n m"] | ArrayLike,
    p: Float[Tensor, " k"] | ArrayLike,
    q: Float[Tensor, " l"] | ArrayLike,
) -> Transport:
    """Returns the optimal transport from masses p to masses q at any costs.

    Args:
        costs: c_ij of a unit of mass, finite.
        p: (n,) masses >= 0, with any positive total.
        q: (m,) masses >= 0, with the same total.

    Raises:
        ValueError: if shapes do not fit, a cost is not finite, a mass is negative, or there are too
            many points without POT; also if totals differ or are 0.
        RuntimeError: if the solver finds no optimum.
    """
    masses = as_real("p", p), as_real("q", q)
    return _solved(*_checked_problem(as_real("costs", costs), *masses, ("p", "q")))


def _solved(c: np.ndarray, a: np.ndarray, b: np.ndarray) -> Transport:
    # the tolerances of both solvers are for costs and masses of order one
    unit, total = float(np.abs(c).max()) or 1.0, float(a.sum())
    solve = _by_network_simplex if _has_pot() else _by_linear_programming
    plan, f, g = solve(c / unit, a / total, b / total)
    plan, f, g = total * plan, unit * f, unit * g
    return Transport(
        plan=torch.from_numpy(plan),
        x_potential=torch.from_numpy(f),
        y_potential=torch.from_numpy(g),
        cost=float((plan * c).sum()),
        dual_value=float(a @ f + b @ g),
        excess=float((f[:, None] + g - c).max()),
    )


def _checked_problem(costs: Tensor, p: Tensor, q: Tensor, names: tuple[str, str]) -> _Arrays:
    if costs.ndim != 2 or (*p.shape, *q.shape) != tuple(costs.shape) or 0 in costs.shape:
        raise ValueError(
            "`p` and `q` must have one mass for each row and column of `costs` (n, m), n, m >= 1, "
            f"got {tuple(p.shape)}, {tuple(q.shape)} and {tuple(costs.shape)}."
        )
    if not bool(costs.isfinite().all()):
        raise ValueError("`costs` must be finite, got NaN or infinity; use large costs to forbid.")
    a, b = balanced(p.detach().cpu(), q.detach().cpu(), names)
    return costs.detach().cpu().double().numpy(), a.numpy(), b.numpy()


def _has_pot() -> bool:
    return importlib.util.find_spec("ot") is not None


def _by_network_simplex(c: np.ndarray, a: np.ndarray, b: np.ndarray) -> _Arrays:
    pot: Any = importlib.import_module("ot")
    plan, log = pot.emd(a, b, c, numItermax=_MAX_PIVOTS, log=True)
    if log["warning"] is not None:
        raise RuntimeError(f"the network simplex must reach an optimum, got: {log['warning']}")
    return plan, log["u"], log["v"]


def _by_linear_programming(c: np.ndarray, a: np.ndarray, b: np.ndarray) -> _Arrays:
    n, m = c.shape
    if n * m > _MAX_PAIRS:
        raise ValueError(
            f"`costs` must have at most {_MAX_PAIRS:,} entries where POT is not installed, got "
            f"{n} x {m}; install it with: pip install pot."
        )
    rows, columns = kron(eye_array(n), np.ones((1, m))), kron(np.ones((1, n)), eye_array(m))
    marginals: Any = vstack([rows, columns])  # the stubs have no sparse type
    result = linprog(c.ravel(), A_eq=marginals, b_eq=np.r_[a, b], method="highs")
    if result.status != 0:
        raise RuntimeError(f"the linear program must reach an optimum, got: {result.message}")
    duals = result.eqlin.marginals
    return np.reshape(np.asarray(result.x), (n, m)), duals[:n], duals[n:]
