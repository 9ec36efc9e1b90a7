"""Novelty: the distance of generated images to a reference set.

The distance of an image is that of its features to the nearest reference image. With the training
set as reference it shows whether a model copies; with a gallery, whether a new batch repeats.

    novelty      = mean of these distances
    share_copied = share of them below a threshold

`metrics.nearest` returns the distance of each image and its nearest reference image.
"""

from typing import final

from torch import Tensor

from metrics.feature_metric import AbstractStoredFeatures
from metrics.features import FeatureNetwork
from metrics.neighbours import nearest
from metrics.repeat_rate import check_threshold, repeat_threshold

__all__ = ["Novelty"]


@final
class Novelty(AbstractStoredFeatures):
    """Returns `novelty` and `share_copied` by these names.

    The reference set consists of the images of `update` with real=True, from a training set or a
    gallery.

    Args:
        feature_network: images to features (n, f); None if `update` is given features.
        threshold: distance in features below which an image counts as copied, > 0; if None, it is
            `repeat_threshold` of the reference. For a gallery give that of the training set.
        keep_real: whether `reset` keeps the features of the reference.

    Raises:
        ValueError: if `threshold` is not positive, or (by `compute`) if there is no generated
            image, no reference, or the reference has no threshold.
    """

    def __init__(
        self,
        feature_network: FeatureNetwork | None = None,
        threshold: float | None = None,
        *,
        keep_real: bool = False,
    ) -> None:
        super().__init__(feature_network, keep_real=keep_real)
        check_threshold(threshold)
        self._threshold = threshold

    def compute(self) -> dict[str, Tensor]:
        threshold = self._threshold
        fake, reference = self.features(real=False), self.features(True, 1 + (threshold is None))
        distances, _ = nearest(fake, reference)
        threshold = repeat_threshold(reference) if threshold is None else threshold
        is_copied = (distances < threshold).double()
        return {"novelty": distances.mean(), "share_copied": is_copied.mean()}
