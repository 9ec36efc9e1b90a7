"""Feature networks whose weights come with this repository."""

from abc import ABC
from typing import ClassVar, get_args

import torch
from torch import Tensor

from networks.feature_classifier import Data, FeatureClassifier, Role
from networks.frozen_features import AbstractFrozenFeatures
from networks.shapes import Float, Num
from networks.trained_weights import load_classifier

__all__ = ["AbstractTrainedFeatures"]


class AbstractTrainedFeatures(AbstractFrozenFeatures, ABC):
    """Maps images to the standardised last hidden layer of a classifier trained on their kind.

    Over the training images each feature has mean 0 and deviation 1, so two images are some
    sqrt(2 f) apart and no unit counts for more than another.

    Args:
        role: "choosing" for a sampler that looks for images by their features, "judging" for what
            then measures them: two networks of different layers and seeds, so that none judges
            itself.
        resize: whether images of other sizes are resized rather than refused.

    Raises:
        ValueError: if `role` is another.
        FileNotFoundError: if the weights are missing.
        RuntimeError: if they are damaged, or a pointer of Git LFS.
    """

    data: ClassVar[Data]
    """What the classifier was trained on."""

    shape: ClassVar[tuple[int, int, int]]
    """Of those images."""

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
        """Returns logits of the ten classes, for images as `forward` takes them."""
        with torch.autocast(images.device.type, enabled=False):
            return self.network(self.fitted(images))
