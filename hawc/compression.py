"""History-aware compression (HAW-C): choose K points so that history plus new points match a law.

With Kp points y drawn before and T = Kp + K the total's squared distance to the target mu is
(K / T)^2 d^2(delta_X, eta), eta = (T mu - Kp delta_Y) / K, a signed measure of mass one. Without
the terms that X does not enter this is K^2 / T^2 times

    f(X) = (T/K) mean_k m(x_k) - (1/K^2) sum_kj h(x_k, y_j) - (1/(2 K^2)) sum_kl h(x_k, x_l),

m being the target's potential. The law attracts, old and new points repel alike.

Source: G. Turinici 2022, "Algorithms that get old: the case of generative deep neural networks",
LOD 2022, arXiv 2202.03008. There eta is printed with 1/T in place of 1/K, which makes the objective
unbounded below as soon as Kp (K - 1) > K; the weights here are the ones that give mass one.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import minimize
from torch import Tensor

from hawc.blocks import double_sum
from hawc.kernels import AbstractKernel, HuberEnergy
from hawc.targets import AbstractTarget

__all__ = ["AbstractSolver", "Compression", "CompressionProblem", "Deterministic", "compress"]

# Starting points are moved by this share of a standard normal draw: a point started exactly on a
# history point (likely for an empirical target) would sit on a saddle, where its gradient is zero.
_START_JITTER = 1e-3


@final
@dataclass(frozen=True)
class Compression:
    """What a solver found.

    Args:
        points: (K, d) in torch's default dtype.
        objective: f(X) of the module's formula, in units of the kernel; comparable only between
            solutions of one problem. The distance itself is `squared_distance_to`.
        converged: whether the solver's own stopping rule was met.
        evaluations: number of evaluations of f and its gradient, all restarts together.
    """

    points: Float[Tensor, "k d"]
    objective: float
    converged: bool
    evaluations: int


@final
class CompressionProblem:
    """The function f to minimise, in float64 on the generator's device."""

    def __init__(
        self,
        target: AbstractTarget,
        size: int,
        history: Float[Tensor, "kp d"],
        kernel: AbstractKernel,
    ) -> None:
        self.target = target
        self.size = size
        self.total = size + len(history)
        self._history = history
        self._kernel = kernel
        self._potential = target.potential(kernel)

    def objective(self, points: Float[Tensor, "k d"]) -> Float[Tensor, ""]:
        """Returns f(X), differentiable."""
        ones = points.new_ones(self.size)
        scaled = self.total * self._potential(points).sum()
        scaled = scaled - 0.5 * double_sum(self._kernel, points, points, ones, ones)
        if len(self._history):
            everywhere = points.new_ones(len(self._history))
            scaled = scaled - double_sum(self._kernel, points, self._history, ones, everywhere)
        return scaled / self.size**2

    def start(self, generator: torch.Generator) -> Float[Tensor, "k d"]:
        """Returns independent draws of the target, moved slightly off any history point."""
        points = self.target.sample(self.size, generator=generator).double()
        jitter = torch.randn(
            points.shape, generator=generator, device=generator.device, dtype=torch.float64
        )
        return points + _START_JITTER * jitter


class AbstractSolver(ABC):
    """Minimises a compression problem; instances are hashable values."""

    @abstractmethod
    def solve(self, problem: CompressionProblem, generator: torch.Generator) -> Compression:
        """Returns the best points found, in float64."""


@final
@dataclass(frozen=True)
class Deterministic(AbstractSolver):
    """L-BFGS on the exact objective from random starts, the best one kept.

    Args:
        restarts: number of starts, at least 1. Without history one is within 1 % of the best of
            thirty in the plane; against a history of 90 points up to 11 % above it.
        max_iterations: per start, at least 1.
        gradient_tolerance: stop when no coordinate of the gradient of K^2 f / (Kp + K) exceeds
            it. So scaled, the law's pull on one point is of order one whatever K and Kp are; f
            itself would stop far too early for large K and never for large Kp.

    Raises:
        ValueError: if an argument is out of its range.
    """

    restarts: int = 1
    max_iterations: int = 1000
    gradient_tolerance: float = 1e-6

    def __post_init__(self) -> None:
        for name in ("restarts", "max_iterations"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1, got {getattr(self, name)}.")
        if not self.gradient_tolerance > 0:
            raise ValueError(f"`gradient_tolerance` must be > 0, got {self.gradient_tolerance}.")

    def solve(self, problem: CompressionProblem, generator: torch.Generator) -> Compression:
        found = [self._descend(problem, problem.start(generator)) for _ in range(self.restarts)]
        # comparisons with NaN are false, so min could keep one: rank it last
        best = min(found, key=lambda c: c.objective if math.isfinite(c.objective) else math.inf)
        evaluations = sum(compression.evaluations for compression in found)
        return Compression(best.points, best.objective, best.converged, evaluations)

    def _descend(self, problem: CompressionProblem, start: Float[Tensor, "k d"]) -> Compression:
        scale = problem.size**2 / problem.total

        def value_and_gradient(flat: np.ndarray) -> tuple[float, np.ndarray]:
            points = torch.from_numpy(flat).to(start.device).reshape(start.shape)
            points.requires_grad_()
            value = problem.objective(points) * scale
            (gradient,) = torch.autograd.grad(value, points)
            return float(value.detach()), gradient.flatten().cpu().numpy()

        result = minimize(
            value_and_gradient,
            start.flatten().cpu().numpy(),
            jac=True,
            method="L-BFGS-B",
            options={
                "maxiter": self.max_iterations,
                "maxfun": 2 * self.max_iterations,
                "gtol": self.gradient_tolerance,
                "ftol": 0.0,
                "maxcor": 20,
            },
        )
        points = torch.from_numpy(result.x).reshape(start.shape).to(start.device)
        return Compression(points, result.fun / scale, bool(result.success), result.nfev)


def compress(
    target: AbstractTarget,
    size: int,
    *,
    history: Float[Tensor, "kp d"] | None = None,
    kernel: AbstractKernel | None = None,
    solver: AbstractSolver | None = None,
    generator: torch.Generator,
) -> Compression:
    """Returns `size` points that, together with the history, match the target law best.

    Args:
        target: the law to match.
        size: number of new points K, at least 1.
        history: points already drawn; none if None.
        kernel: of the distance; `HuberEnergy()` if None.
        solver: how to minimise; `Deterministic()` if None.
        generator: source of the starting points; its device is where the work is done.

    Returns:
        The new points and how they were found; the same seed gives the same points.

    Raises:
        ValueError: if `size` < 1 or the history has another dimension or is not finite.
        RuntimeError: if the result is not finite, which a target's potential must have caused.
    """
    if size < 1:
        raise ValueError(f"`size` must be at least 1, got {size}.")
    if history is None:
        history = torch.empty(0, target.dim)
    if history.ndim != 2 or history.shape[1] != target.dim:
        raise ValueError(
            f"`history` must have shape (n, {target.dim}) for {target}, got {tuple(history.shape)}."
        )
    if not history.isfinite().all():
        raise ValueError("`history` must be finite, got NaN or infinite coordinates.")
    # the search needs gradients also where its caller, about to decode, has switched them off
    with torch.inference_mode(False), torch.enable_grad():
        past = history.detach().clone().to(generator.device, torch.float64)
        problem = CompressionProblem(target, size, past, kernel or HuberEnergy())
        found = (solver or Deterministic()).solve(problem, generator)
    if not (math.isfinite(found.objective) and bool(found.points.isfinite().all())):
        raise RuntimeError(
            f"the compression of {target} to {size} points ended in NaN or infinity; check "
            "that the target's potential and its gradient are finite."
        )
    points = found.points.to(torch.get_default_dtype())
    return Compression(points, found.objective, found.converged, found.evaluations)
