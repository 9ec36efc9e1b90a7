"""Features of handwritten digits."""

from typing import final

from networks.trained_features import AbstractTrainedFeatures

__all__ = ["DigitFeatures"]


@final
class DigitFeatures(AbstractTrainedFeatures):
    """Sees 28 x 28 grey images as a classifier of MNIST does: 96 features to choose, 64 to judge.

    Their training is recorded in networks/weights/digits-<role>.json.
    """

    data = "digits"
    shape = (1, 28, 28)
