"""The front door of history-aware compression."""

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
    """Returns `size` points that, together with the history, match the target distribution best.

    Where the history is far from the distribution, the best points make up for it: they may lie far
    outside the distribution's bulk, or outside its support.

    Args:
        target: the distribution to match.
        size: number of new points K, at least 1.
        history: points already drawn; none if None. A long one is best given in float32.
        kernel: of the distance; |x - y| if None, smooth within 1e-5 of the target's `length_scale`.
        solver: how to minimise; `Deterministic()` if None.
        weights: of the new points, "uniform" or "optimal"; points of the history weigh 1 each, the
            new ones K together.
        start: (size, d) where to begin, up to a thousandth of the target's `length_scale`; fresh
            draws compete with it where the solver has several starts. Random draws if None.
        generator: source of the starting points; its device is where the work is done.

    Returns:
        The new points and how they were found; the same seed gives the same points.

    Raises:
        ValueError: if `size` < 1, `weights` is unknown, history or start have another shape or are
            not finite, or an argument is no object of its kind.
        RuntimeError: if the result is not finite, which a target's potential must have caused.
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
    # the search needs gradients also where its caller, about to decode, has switched them off
    device = generator.device
    exact = torch.autocast(device.type, enabled=False)  # half precision would choose other points
    with torch.inference_mode(False), torch.enable_grad(), exact, float64_samples():
        if start is not None:
            start = jittered(start.detach(), generator, target.length_scale)
        past = past.detach().to(device)
        problem = CompressionProblem(target, size, past, kernel, weights)
        found = (solver or Deterministic()).solve(problem, generator, start)
    if not (math.isfinite(found.objective) and bool(found.points.isfinite().all())):
        raise RuntimeError(
            f"the compression of {target} to {size} points ended in NaN or infinity; check that "
            "the target's potential and its gradient are finite and the history not astronomical."
        )
    default = torch.get_default_dtype()
    return replace(found, points=found.points.to(default), weights=found.weights.to(default))


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
        raise ValueError(f"`start` must hold {size} points, `size`, got {len(points)}.")
    return points
