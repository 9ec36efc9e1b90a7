"""Base of all feature networks: constant weights and checked images."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional

from networks.annotations import Float, Num
from networks.image_sizes import checked_image_shape

__all__ = ["AbstractFrozenFeatures", "make_constant"]

# tolerated outside of [0, 1], for generators with unbounded output; smaller than the excess of
# [-1, 1] and [0, 255]
_BEYOND = 0.25


def make_constant(module: nn.Module) -> None:
    """Turns the parameters and buffers of a module into non-persistent buffers.

    They move between devices with the module and pass gradients on to its input. Optimizers,
    `requires_grad_` and checkpoints do not see them.
    """
    for part in module.modules():
        # a tensor with two names keeps both
        parameters = part.named_parameters(recurse=False, remove_duplicate=False)
        buffers = part.named_buffers(recurse=False, remove_duplicate=False)
        for name, tensor in [*parameters, *buffers]:
            delattr(part, name)
            part.register_buffer(name, tensor.detach(), persistent=False)


class AbstractFrozenFeatures(nn.Module, ABC):
    """Maps images in [0, 1] to feature vectors by weights that never change.

    It is always in evaluation mode, runs in full precision under autocast too, and is never part of
    a checkpoint. It is differentiable with respect to the images. Grey images are repeated over the
    channels of a network for colour images.

    Args:
        network: computes the features; its weights are made constant.
        image_shape: (channels, height, width) of the network's input.
        resize: whether images of other sizes are resized, bilinearly with antialiasing, rather
            than refused.

    Raises:
        ValueError: if `image_shape` has not three numbers.
    """

    def __init__(self, network: nn.Module, image_shape: tuple[int, ...], resize: bool) -> None:
        super().__init__()
        self.image_shape = checked_image_shape(image_shape)
        self.resize = resize
        make_constant(network)
        self.network = network
        self.eval()

    @abstractmethod
    def extract(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n f"]:
        """Returns the features of images that have the network's shape and type.

        The images are a copy, which a network may overwrite.
        """

    def forward(self, images: Num[Tensor, "..."]) -> Float[Tensor, "n f"]:
        """Returns the features of images.

        Args:
            images: (n, channels, height, width), floating-point, in [0, 1].

        Raises:
            TypeError: if they are not floating-point.
            ValueError: if they have another range, such as [-1, 1] or [0, 255], or another shape
                that may not be resized.
        """
        with torch.autocast(images.device.type, enabled=False):
            return self.extract(self.prepared(images))

    def prepared(self, images: Num[Tensor, "..."]) -> Float[Tensor, "n c h w"]:
        """Returns images in the network's shape and type; raises as `forward` does."""
        if not images.is_floating_point():
            raise TypeError(
                f"`images` must be floating-point in [0, 1], got {images.dtype}; divide "
                "integers from 0 to 255 by 255."
            )
        self._check_range(images)
        channels, *sides = self.image_shape
        if images.ndim != 4 or images.shape[1] not in (1, channels):
            raise ValueError(
                f"`images` must be (n, {channels}, height, width) for {type(self).__name__}, got "
                f"{tuple(images.shape)}; take another network, such as RandomConvFeatures, or "
                "average colours with images.mean(1, keepdim=True)."
            )
        kinds = (weight.dtype for weight in self.buffers() if weight.is_floating_point())
        images = images.to(next(kinds, images.dtype)).expand(-1, channels, -1, -1)
        if list(images.shape[2:]) == sides:
            return images.clone()
        if not self.resize:
            raise ValueError(
                f"`images` must be {sides[0]} x {sides[1]} for {type(self).__name__}, got "
                f"{images.shape[2]} x {images.shape[3]}; set `resize` to true or take "
                "RandomConvFeatures, which takes any size."
            )
        return functional.interpolate(images, sides, mode="bilinear", antialias=True)

    def train(self, mode: bool = True) -> "AbstractFrozenFeatures":
        """Stays in evaluation mode when the module around it changes its mode."""
        # not by `part.train()`, which programs of torch.export do not have
        for part in self.modules():
            part.training = False
        return self

    @staticmethod
    def _check_range(images: Float[Tensor, "..."]) -> None:
        if images.numel() == 0 or images.is_meta:
            return
        low, high = (float(end) for end in images.detach().aminmax())
        if low < -_BEYOND or high > 1 + _BEYOND:
            raise ValueError(
                f"`images` must be in [0, 1], got {low:.4g} to {high:.4g}; rescale [-1, 1] by "
                "(x + 1) / 2 and [0, 255] by x / 255."
            )
