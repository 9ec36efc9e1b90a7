"""Any network as a feature network."""

import copy
from typing import final

import torch
from torch import Tensor, nn

from networks.annotations import Float
from networks.frozen_features import AbstractFrozenFeatures

__all__ = ["WrappedFeatures"]


@final
class WrappedFeatures(AbstractFrozenFeatures):
    """Wraps a copy of any network as a feature network.

    A plain `nn.Module` is a feature network too. This class adds normalisation, resizing and
    evaluation mode, and keeps the weights, often large, out of checkpoints. It also takes a program
    of ``torch.export`` or a frozen TorchScript module, both bound to their device.

    For torchvision's Inception take `inception_v3(weights=...)` with nn.Identity() in place of
    `fc`, the shape (3, 299, 299), `resize`, and ImageNet's mean (0.485, 0.456, 0.406) and deviation
    (0.229, 0.224, 0.225).

    Args:
        network: maps standardised images (n, c, h, w) to vectors (n, f).
        image_shape: (channels, height, width) of those images.
        mean: per channel, or one for all; subtracted from images in [0, 1].
        std: per channel, or one for all, > 0; divides the difference.
        resize: whether images of other sizes are resized rather than refused.

    Raises:
        ValueError: if `image_shape` has not three numbers, `mean` or `std` does not fit it, or the
            weights of `network` cannot be frozen, as those of TorchScript.
    """

    def __init__(
        self,
        network: nn.Module,
        image_shape: tuple[int, ...],
        mean: tuple[float, ...] = (0.0,),
        std: tuple[float, ...] = (1.0,),
        resize: bool = False,
    ) -> None:
        if isinstance(network, torch.jit.ScriptModule) and any(True for _ in network.parameters()):
            raise ValueError(
                f"`network` must have weights that can be frozen, got {type(network).__name__}; "
                "give torch.jit.freeze(network.eval()), which stays on its device."
            )
        super().__init__(copy.deepcopy(network), image_shape, resize)
        for name, values in (("mean", mean), ("std", std)):
            if len(values) not in (1, self.image_shape[0]):
                raise ValueError(
                    f"`{name}` must have one value for all {self.image_shape[0]} channels or one "
                    f"for each, got {values}."
                )
        if min(std) <= 0:
            raise ValueError(f"`std` must be > 0, got {std}; 1 does not change values.")
        weights = (tensor for tensor in self.network.buffers() if tensor.is_floating_point())
        like = next(weights, torch.empty(0))  # the network may be on a GPU already
        self.register_buffer("mean", torch.tensor(mean).to(like)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(std).to(like)[:, None, None], persistent=False)

    def extract(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n f"]:
        features = self.network((images - self.mean) / self.std)
        if not isinstance(features, Tensor) or features.ndim != 2:
            kind = type(features).__name__
            got = tuple(features.shape) if isinstance(features, Tensor) else kind
            raise ValueError(
                f"`network` must return features (n, f), got {got}; end it with nn.Flatten() or "
                "replace its last layer by nn.Identity()."
            )
        return features
