"""The front door of history-aware compression."""

import math
from dataclasses import replace
from typing import get_args

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.compression.deterministic import Deterministic
from hawc.compression.problem import CompressionProblem, Weights, jittered
from hawc.compression.solver import AbstractSolver, Compression
from hawc.kernels import AbstractKernel, HuberEnergy, full_precision
from hawc.targets import AbstractTarget

__all__ = ["compress"]


def compress(
    target: AbstractTarget,
    size: int,
    *,
    history: Float[Tensor, "kp d"] | None = None,
    kernel: AbstractKernel | None = None,
    solver: AbstractSolver | None = None,
    weights: Weights = "uniform",
    start: Float[Tensor, "k d"] | None = None,
    generator: torch.Generator,
) -> Compression:
    """Returns `size` points that, together with the history, match the target law best.

    Where the history is far from the law, the best points make up for it: they may lie far outside
    the law's bulk, or outside its support.

    Args:
        target: the law to match.
        size: number of new points K, at least 1.
        history: points already drawn; none if None. A long one is best given in float32.
        kernel: of the distance; `HuberEnergy()` if None.
        solver: how to minimise; `Deterministic()` if None.
        weights: of the new points, "uniform" or "optimal"; points of the history weigh 1 each, the
            new ones K together.
        start: (size, d) where to begin, up to 1e-3; fresh draws compete with it where the solver
            has several starts. Random draws of the law if None.
        generator: source of the starting points; its device is where the work is done.

    Returns:
        The new points and how they were found; the same seed gives the same points.

    Raises:
        ValueError: if `size` < 1, `weights` is unknown, or history or start have another shape or
            are not finite.
        RuntimeError: if the result is not finite, which a target's potential must have caused.
    """
    if size < 1:
        raise ValueError(f"`size` must be at least 1, got {size}.")
    if weights not in get_args(Weights):
        raise ValueError(f"`weights` must be one of {get_args(Weights)}, got '{weights}'.")
    if history is None:
        history = torch.empty(0, target.dim)
    _check_points("history", history, (len(history), target.dim), target)
    if start is not None:
        _check_points("start", start, (size, target.dim), target)
    # the search needs gradients also where its caller, about to decode, has switched them off
    device = generator.device
    exact = torch.autocast(device.type, enabled=False)  # half precision would choose other points
    with torch.inference_mode(False), torch.enable_grad(), exact:
        if start is not None:
            start = jittered(start.detach(), generator)
        past = full_precision(history.detach()).to(device)
        problem = CompressionProblem(target, size, past, kernel or HuberEnergy(), weights)
        found = (solver or Deterministic()).solve(problem, generator, start)
    if not (math.isfinite(found.objective) and bool(found.points.isfinite().all())):
        raise RuntimeError(
            f"the compression of {target} to {size} points ended in NaN or infinity; check that "
            "the target's potential and its gradient are finite and the history not astronomical."
        )
    default = torch.get_default_dtype()
    return replace(found, points=found.points.to(default), weights=found.weights.to(default))


def _check_points(
    name: str, points: Tensor, shape: tuple[int, int], target: AbstractTarget
) -> None:
    if not points.is_floating_point():
        raise ValueError(f"`{name}` must hold floating-point numbers, got {points.dtype}.")
    if points.shape != shape:
        raise ValueError(
            f"`{name}` must have shape {shape} for {target}, got {tuple(points.shape)}."
        )
    # the extremes alone, since a mask of a long history, or a sum in float64, would take gigabytes
    if points.numel() and not torch.stack(torch.aminmax(points)).isfinite().all():
        raise ValueError(f"`{name}` must be finite, got NaN or infinite coordinates.")
