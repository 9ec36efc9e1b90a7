"""Features of small colour photographs."""

from typing import final

from networks.trained_features import AbstractTrainedFeatures

__all__ = ["ObjectFeatures"]


@final
class ObjectFeatures(AbstractTrainedFeatures):
    """Sees 32 x 32 colour images as a classifier of CIFAR-10 does: 128 features either way.

    Their training is recorded in networks/weights/objects-<role>.json.
    """

    data = "objects"
    shape = (3, 32, 32)
