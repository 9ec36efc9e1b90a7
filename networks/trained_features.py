"""Base of the feature networks whose weights come with this repository."""

from abc import ABC
from typing import ClassVar, get_args

import torch
from torch import Tensor

from networks.annotations import Float, Num
from networks.feature_classifier import Data, FeatureClassifier, Role
from networks.frozen_features import AbstractFrozenFeatures
from networks.trained_weights import load_classifier

__all__ = ["AbstractTrainedFeatures"]


class AbstractTrainedFeatures(AbstractFrozenFeatures, ABC):
    """Maps images to the standardised last hidden layer of a trained classifier.

    Over the training images each feature has mean 0 and deviation 1. All units therefore have equal
    weight, and the distance of two images is about sqrt(2 f).

    Args:
        role: "choosing" for a sampler that selects images by their features, "judging" for the
            metrics of its images. The two networks differ in layers and seeds, so a sampler is not
            judged by its own network.
        resize: whether images of other sizes are resized rather than refused.

    Raises:
        ValueError: if `role` is neither of these.
        FileNotFoundError: if the weights are missing.
        RuntimeError: if they are damaged, or a pointer of Git LFS.
    """

    data: ClassVar[Data]
    """The training set of the classifier."""

    shape: ClassVar[tuple[int, int, int]]
    """(channels, height, width) of its images."""

    network: FeatureClassifier

    def __init__(self, role: Role, resize: bool = False) -> None:
        if role not in get_args(Role):
            raise ValueError(f"`role` must be one of {get_args(Role)}, got '{role}'.")
        super().__init__(load_classifier(self.data, role), self.shape, resize)
        self.role = role

    def extra_repr(self) -> str:
        return f"role={self.role}, resize={self.resize}"

    def extract(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n f"]:
        return self.network.features(images)

    def classify(self, images: Num[Tensor, "..."]) -> Float[Tensor, "n k"]:
        """Returns logits of the ten classes; takes the same images as `forward`."""
        with torch.autocast(images.device.type, enabled=False):
            return self.network(self.prepared(images))
