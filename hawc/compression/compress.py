"""compress(): points that match a target together with a history."""

import math
from dataclasses import replace
from typing import get_args

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.arguments import check_instance, checked_generator, whole_number
from hawc.compression.deterministic import Deterministic
from hawc.compression.problem import CompressionProblem, Weights, jittered
from hawc.compression.solver import AbstractSolver, Compression
from hawc.kernels import AbstractKernel
from hawc.points import ArrayLike, as_points
from hawc.targets import AbstractTarget
from hawc.targets.sampling import float64_samples

__all__ = ["compress"]


def compress(
    target: AbstractTarget,
    size: int,
    *,
    history: Float[Tensor, "kp d"] | ArrayLike | None = None,
    kernel: AbstractKernel | None = None,
    solver: AbstractSolver | None = None,
    weights: Weights = "uniform",
    start: Float[Tensor, "k d"] | ArrayLike | None = None,
    generator: torch.Generator,
) -> Compression:
    """Returns `size` points that, together with the history, match the target best.

    If the history is far from the target, the best points compensate for it. They may then lie far
    outside the bulk of the target, or outside its support.

    Args:
        target: the distribution to match.
        size: number of new points K, at least 1.
        history: (Kp, d), earlier points; none if None. Give a long one in float32, for speed.
        kernel: of the squared distance. None is `HuberEnergy` with a = 1e-5 of the target's
            `length_scale`: nearly |x - y|.
        solver: minimizes the objective; `Deterministic()` if None.
        weights: of the new points, "uniform" or "optimal". Each point of the history has weight 1,
            and the new points have total weight K.
        start: (size, d), where the search starts, up to noise of 1e-3 of the target's
            `length_scale`. A solver with several starts takes random ones too. Samples if None.
        generator: for the starting points. The search runs on its device.

    Returns:
        The new points and facts about the search. The same seed gives the same points.

    Raises:
        ValueError: if `size` < 1, `weights` is unknown, history or start have another shape or are
            not finite, or an argument has the wrong type.
        RuntimeError: if the result is not finite. The cause is then the target's potential.
    """
    check_instance("target", target, AbstractTarget)
    check_instance("kernel", kernel, AbstractKernel, or_none=True)
    check_instance("solver", solver, AbstractSolver, or_none=True)
    size = whole_number("size", size, 1)
    generator = checked_generator("generator", generator)
    if weights not in get_args(Weights):
        raise ValueError(f"`weights` must be one of {get_args(Weights)}, got '{weights}'.")
    past = _past(history, target)
    if start is not None:
        start = _checked_start(start, size, target)
    device = generator.device
    exact = torch.autocast(device.type, enabled=False)  # half precision would choose other points
    # the search needs gradients even if its caller has disabled them
    with torch.inference_mode(False), torch.enable_grad(), exact, float64_samples():
        if start is not None:
            start = jittered(start.detach(), generator, target.length_scale)
        past = past.detach().to(device)
        problem = CompressionProblem(target, size, past, kernel, weights)
        solution = (solver or Deterministic()).solve(problem, generator, start)
    if not (math.isfinite(solution.objective) and bool(solution.points.isfinite().all())):
        raise RuntimeError(
            f"The compression of {target} to {size} points gave NaN or infinity; check that the "
            "target's potential and its gradient are finite, and that the history is not huge."
        )
    default = torch.get_default_dtype()
    points, weights_ = solution.points.to(default), solution.weights.to(default)
    return replace(solution, points=points, weights=weights_)


def _past(
    history: Float[Tensor, "kp d"] | ArrayLike | None, target: AbstractTarget
) -> Float[Tensor, "kp d"]:
    if history is None:
        return torch.empty(0, target.dim, dtype=torch.float64, device="cpu")
    return as_points("history", history, dim=target.dim, smallest=0, finite=True, purpose=target)


def _checked_start(
    start: Float[Tensor, "k d"] | ArrayLike, size: int, target: AbstractTarget
) -> Float[Tensor, "k d"]:
    points = as_points("start", start, dim=target.dim, finite=True, purpose=target)
    if len(points) != size:
        raise ValueError(f"`start` must hold `size` = {size} points, got {len(points)}.")
    return points
