"""Total variation, KL both ways and Jensen-Shannon divergence of binned points.

It is for points of the line or the plane, such as the toy distributions; in more dimensions most
bins are empty. The divergences are those of the two histograms. They estimate those of the
distributions rounded to bins, with a bias of about (bins in use) / (2 n) nats for KL. KL is
infinite if a bin of one sample is empty in the other. `kl` is KL(real || generated), `reverse_kl`
is KL(generated || real).

Source: ``hawc.divergences.discrete``.
"""

import math
from typing import final

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from hawc.arguments import whole_number
from hawc.divergences import discrete
from metrics.feature_metric import AbstractStoredFeatures
from metrics.features import FeatureNetwork

__all__ = ["BinnedDivergences"]

_MOST_COORDINATES = 2


@final
class BinnedDivergences(AbstractStoredFeatures):
    """Returns total_variation and, in nats, kl, reverse_kl and jensen_shannon.

    The last one has weights of one half.

    Args:
        feature_network: images to features (n, f), f at most 2; None if `update` is given features.
        low: lower end of the bins in each coordinate.
        high: upper end; points beyond either end count in the outermost bins.
        num_bins: per coordinate, at least 1.
        keep_real: whether `reset` keeps the features of the real images.

    Raises:
        ValueError: if a number is out of its range, or (by `compute`) if there is no real or no
            generated image, or features have more than two coordinates.
    """

    higher_is_better = False

    def __init__(
        self,
        feature_network: FeatureNetwork | None = None,
        *,
        low: float = -2.0,
        high: float = 2.0,
        num_bins: int = 20,
        keep_real: bool = False,
    ) -> None:
        super().__init__(feature_network, keep_real=keep_real)
        if not -math.inf < low < high < math.inf:
            raise ValueError(f"`low` must be less than `high`, both finite, got {low} and {high}.")
        self._low, self._high = low, high
        self._num_bins = whole_number("num_bins", num_bins, 1)

    def compute(self) -> dict[str, Tensor]:
        p, q = (self._histogram(self.features(real)) for real in (True, False))
        return {
            "total_variation": discrete.total_variation(p, q),
            "kl": discrete.kl(p, q),
            "reverse_kl": discrete.reverse_kl(p, q),
            "jensen_shannon": discrete.jensen_shannon(p, q),
        }

    def _histogram(self, points: Float[Tensor, "n f"]) -> Float[Tensor, " k"]:
        """Returns the share of points in each bin, in float64."""
        if points.shape[1] > _MOST_COORDINATES:
            raise ValueError(
                f"features must have at most {_MOST_COORDINATES} coordinates for bins, got "
                f"{points.shape[1]}; use Wasserstein1 or SquaredEnergyDistance."
            )
        width = (self._high - self._low) / self._num_bins
        places = ((points - self._low) / width).clamp(0, self._num_bins - 1)
        cells: Int64[Tensor, "n f"] = places.long()  # clamped first: far points exceed int64
        place = self._num_bins ** torch.arange(points.shape[1], device=points.device)
        # not `cells @ place`: CUDA has no matrix products of integers
        counts = torch.bincount((cells * place).sum(1), minlength=self._num_bins ** points.shape[1])
        return counts.double() / len(points)
