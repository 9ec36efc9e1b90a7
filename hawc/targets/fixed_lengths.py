"""Points of fixed lengths: only their directions are free."""

from collections.abc import Callable
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.targets.elliptical_form import EllipticalForm

__all__ = ["FixedLengths", "with_typical_lengths"]

# Probabilities of the shortest and the longest sample: 1 % and 99 %, with room for rounding.
_TYPICAL = (0.011, 0.989)

Pullback = Callable[[Float[Tensor, "*r n d"]], Float[Tensor, "*r n k"]]


def with_typical_lengths(
    points: Float[Tensor, "n d"], form: EllipticalForm | None
) -> Float[Tensor, "n d"]:
    """Returns samples with their lengths clipped to the 1.1 % and 98.9 % quantiles.

    One sample in fifty is moved, along its direction.

    Args:
        points: samples of the distribution.
        form: the distribution's; the points are returned unchanged if None.
    """
    if form is None:
        return points
    lengths = form.lengths(points)
    shortest, longest = form.lengths_at(torch.tensor(_TYPICAL)).tolist()
    typical = lengths.clamp(shortest, longest)
    return torch.where((typical == lengths)[:, None], points, form.with_lengths(points, typical))


@final
class FixedLengths:
    """The map from coordinates w to points of fixed lengths r, and its gradient.

        w -> center + A r w / |w|

    Without lengths the map is the identity.

    Args:
        form: of the distribution, or None.
        lengths: (n,) > 0, one for each point; None if `form` is.
    """

    def __init__(self, form: EllipticalForm | None, lengths: Float[Tensor, " n"] | None) -> None:
        self._form = form
        self._lengths = None if lengths is None else lengths[:, None]

    def coordinates(self, points: Float[Tensor, "m d"]) -> Float[Tensor, "m k"]:
        """Returns coordinates w of any points."""
        return points if self._form is None else self._form.whitened(points)

    def normalized(self, w: Float[Tensor, "*r n k"]) -> Float[Tensor, "*r n k"]:
        """Returns the coordinates w r / |w|, which belong to the same points."""
        return w if self._lengths is None else w * _share(w, self._lengths)

    def points(self, w: Float[Tensor, "*r n k"]) -> Float[Tensor, "*r n d"]:
        """Returns the points in the directions w."""
        return self.points_and_pullback(w)[0]

    def points_and_pullback(
        self, w: Float[Tensor, "*r n k"]
    ) -> tuple[Float[Tensor, "*r n d"], Pullback]:
        """Returns the points, and the map from gradients in them to gradients in w."""
        form, lengths = self._form, self._lengths
        if form is None or lengths is None:
            return w, lambda gradient: gradient
        share = _share(w, lengths)
        scaled = w * share

        def pullback(gradient: Float[Tensor, "*r n d"]) -> Float[Tensor, "*r n k"]:
            whitened = form.whitened_gradient(gradient)
            # a change of |w| changes nothing
            radial = (whitened * scaled).sum(-1, keepdim=True) / lengths.square()
            return share * (whitened - radial * scaled)

        return form.points(scaled), pullback


def _share(w: Float[Tensor, "*r n k"], lengths: Float[Tensor, "n 1"]) -> Float[Tensor, "*r n 1"]:
    norms: Tensor = torch.linalg.vector_norm(w, dim=-1, keepdim=True)
    return lengths / norms.clamp(min=torch.finfo(w.dtype).tiny)
