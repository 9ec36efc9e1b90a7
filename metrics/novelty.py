"""Novelty: how far generated images are from those that were there before.

Of each generated image the distance in features to the nearest reference image is taken. The
reference is the training set, to see whether a model merely copies it, or a gallery of what was
drawn earlier, to see whether a new batch repeats it.

    novelty      = mean of these distances
    share_copied = share of them below a threshold

`metrics.nearest` gives each image's own distance and its nearest reference image.
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

    The reference is what `update` is given with real=True, be it a training set or a gallery.

    Args:
        feature_network: images to features (n, f); None if `update` is given features.
        threshold: distance in features below which an image counts as copied, > 0; if None, it is
            `repeat_threshold` of the reference. For a gallery give that of the training set.
        keep_real: whether `reset` keeps the features of the reference.

    Raises:
        ValueError: if `threshold` is not positive, or (by `compute`) if there is no generated
            image, no reference, or no threshold to be had from it.
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
