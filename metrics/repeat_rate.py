"""Repeat rate: the share of images in a sequence that repeat an earlier one.

    repeat rate = share of images whose nearest EARLIER image is nearer than t in features

It depends on the order and grows with the number of images. State the threshold t with it;
`repeat_threshold` computes one from data.
"""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.points import ArrayLike
from metrics.feature_metric import AbstractStoredFeatures
from metrics.features import FeatureNetwork
from metrics.neighbours import nearest_earlier, squared_neighbour_radii

__all__ = ["RepeatRate", "repeat_rate", "repeat_threshold"]


@final
class RepeatRate(AbstractStoredFeatures):
    """Returns the repeat rate of the generated images in the order of the updates.

    Images of several processes are sorted by rank.

    Args:
        feature_network: images to features (n, f); None if `update` is given features.
        threshold: distance in features below which an image is a repeat, > 0; if None, it is
            `repeat_threshold` of the real images. Otherwise real images are ignored.
        keep_real: whether `reset` keeps the features of the real images.

    Raises:
        ValueError: if `threshold` is not positive, or (by `compute`) if there is no generated
            image, or the real images have no threshold.
    """

    higher_is_better = False

    def __init__(
        self,
        feature_network: FeatureNetwork | None = None,
        threshold: float | None = None,
        *,
        keep_real: bool = False,
    ) -> None:
        super().__init__(feature_network, keep_real=keep_real, reads_real=threshold is None)
        check_threshold(threshold)
        self._threshold = threshold

    def compute(self) -> Tensor:
        fake, threshold = self.features(real=False), self._threshold
        if threshold is None:
            threshold = repeat_threshold(self.features(real=True, at_least=2))
        return repeat_rate(fake, threshold)


def repeat_rate(features: Float[Tensor, "n f"] | ArrayLike, threshold: float) -> Float[Tensor, ""]:
    """Returns the repeat rate of a sequence, from 0 to 1 - 1/n.

    Args:
        features: at least one row, in order.
        threshold: t > 0, in units of the features.
    """
    return (nearest_earlier(features) < threshold).double().mean()


def repeat_threshold(real: Float[Tensor, "n f"] | ArrayLike, percentile: float = 5.0) -> float:
    """Returns a distance below which two images count as repeats, from real images.

    It is a percentile of the distances from each real image to its nearest neighbour. These shrink
    as n grows, so state the percentile and the number of images with it. Of the real images
    themselves about half of that percentage are repeats.

    Args:
        real: features of different images, at least two.
        percentile: from 0 to 100.

    Returns:
        A distance > 0 in units of the features.

    Raises:
        ValueError: if there are fewer than two images, `percentile` is out of its range, or the
            distance is 0 because of exact copies.
    """
    if not 0 <= percentile <= 100:
        raise ValueError(f"`percentile` must be from 0 to 100, got {percentile}.")
    distances = squared_neighbour_radii(real, 1).sqrt()
    threshold = float(distances.quantile(percentile / 100))
    if threshold == 0:
        raise ValueError(
            f"`real` must hold different images, got {int((distances == 0).sum())} of "
            f"{len(distances)} with a copy; give each image once or a `percentile` above "
            f"{percentile}."
        )
    return threshold


def check_threshold(threshold: float | None) -> None:
    """Raises ValueError for a threshold that is not a positive, finite distance."""
    if threshold is not None and not 0 < threshold < torch.inf:
        raise ValueError(
            f"`threshold` must be > 0 and finite, got {threshold}; `metrics.repeat_threshold` "
            "computes one from data."
        )
