"""Wasserstein-1 distance between real and generated features, by an exact transport plan.

It is the distance of the images themselves, in units of the features. As an estimate for their
distributions it is too large, by order n^(-1/d) in d dimensions. Compare it only between sets of
one size. More than 300 by 300 images need the package POT.

Source: ``hawc.divergences.transport``.
"""

from typing import final

import torch
from torch import Tensor

from hawc.divergences.transport import wasserstein_1
from metrics.feature_metric import AbstractStoredFeatures

__all__ = ["Wasserstein1"]


@final
class Wasserstein1(AbstractStoredFeatures):
    """Returns the Wasserstein-1 distance of real and generated features in Euclidean distance.

    Args:
        feature_network: images to features (n, f); None if `update` is given features.
        keep_real: whether `reset` keeps the features of the real images.

    Raises:
        ValueError: (by `compute`) if there is no real or no generated image, or there are too
            many without POT.
    """

    higher_is_better = False

    def compute(self) -> Tensor:
        real, fake = self.features(True), self.features(False)
        return torch.tensor(wasserstein_1(real, fake), dtype=torch.float64, device=self.device)
