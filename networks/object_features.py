"""Features of small colour photographs."""

from typing import final

from networks.trained_features import AbstractTrainedFeatures

__all__ = ["ObjectFeatures"]


@final
class ObjectFeatures(AbstractTrainedFeatures):
    """Returns features of 32 x 32 colour images, learnt by a classifier of CIFAR-10.

    Either `role` gives 128 features. networks/weights/objects-<role>.json records the training.
    """

    data = "objects"
    shape = (3, 32, 32)
