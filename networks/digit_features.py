"""Features of handwritten digits."""

from typing import final

from networks.trained_features import AbstractTrainedFeatures

__all__ = ["DigitFeatures"]


@final
class DigitFeatures(AbstractTrainedFeatures):
    """Returns features of 28 x 28 grey images, learnt by a classifier of MNIST.

    `role` "choosing" gives 96 features, "judging" 64. networks/weights/digits-<role>.json records
    the training.
    """

    data = "digits"
    shape = (1, 28, 28)
