"""Features of small images of clothes."""

from typing import final

from networks.trained_features import AbstractTrainedFeatures

__all__ = ["ClothesFeatures"]


@final
class ClothesFeatures(AbstractTrainedFeatures):
    """Returns features of 28 x 28 grey images, learnt by a classifier of Fashion-MNIST.

    `role` "choosing" gives 96 features, "judging" 64. networks/weights/clothes-<role>.json records
    the training.
    """

    data = "clothes"
    shape = (1, 28, 28)
