from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.blocks import double_sum, row_blocks
from hawc.kernels import AbstractKernel, full_precision, without_autocast
from hawc.targets.abstract import AbstractTarget, Potential

__all__ = ["Empirical"]


@final
class Empirical(AbstractTarget):
    """The law of a weighted sample, e.g. of an encoded data set or of a data base itself.

    Args:
        points: (n, d) finite coordinates; copied.
        weights: (n,) non-negative, any positive total (normalised here); uniform if None.

    Raises:
        ValueError: if a shape does not fit, `points` is empty or a value is not finite or negative.
    """

    def __init__(
        self, points: Float[Tensor, "n d"], weights: Float[Tensor, " n"] | None = None
    ) -> None:
        if points.ndim != 2 or 0 in points.shape:
            raise ValueError(
                f"`points` must have shape (n, d) with n, d >= 1, got {tuple(points.shape)}."
            )
        if not points.isfinite().all():
            raise ValueError("`points` must be finite, got NaN or infinite coordinates.")
        points = full_precision(points)
        weights = None if weights is None else full_precision(weights)
        if weights is None:
            weights = points.new_ones(len(points))
        if weights.shape != points.shape[:1] or not bool((weights >= 0).all()):
            raise ValueError(
                f"`weights` must be {len(points)} non-negative numbers, one a point, got shape "
                f"{tuple(weights.shape)}, smallest {weights.min() if weights.numel() else None}."
            )
        if not (weights.sum() > 0 and weights.sum().isfinite()):
            raise ValueError(f"`weights` must have a positive finite sum, got {weights.sum()}.")
        with torch.inference_mode(False):  # tensors made in that mode cannot be differentiated by
            self._points = points.detach().clone()
            self._weights = weights.detach().clone() / weights.sum()

    def __repr__(self) -> str:
        return f"Empirical({len(self._points)} points, dim={self.dim})"

    @property
    def dim(self) -> int:
        return self._points.shape[1]

    def sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n d"]:
        weights = self._weights.to(generator.device)
        index = torch.multinomial(weights, n, replacement=True, generator=generator)
        points = self._points[index.to(self._points.device)]
        return points.to(generator.device, torch.get_default_dtype())

    def potential(self, kernel: AbstractKernel) -> Potential:
        def evaluate(x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
            x = full_precision(x)
            blocks = row_blocks(len(self._points), len(x))
            with without_autocast(x):
                return torch.stack(
                    [kernel(x, self._points[b].to(x)) @ self._weights[b].to(x) for b in blocks]
                ).sum(0)

        return evaluate

    def self_energy(self, kernel: AbstractKernel) -> float:
        points, weights = self._points.double(), self._weights.double()
        return 0.5 * float(double_sum(kernel, points, points, weights, weights))
