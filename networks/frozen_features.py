"""What all feature networks share: constant weights, and images that fit or are refused."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional

from networks.image_sizes import checked_image_shape
from networks.shapes import Float, Num

__all__ = ["AbstractFrozenFeatures", "make_constant"]

# What a generator without a last squashing may exceed [0, 1] by; [-1, 1] and [0, 255] exceed it by
# more.
_BEYOND = 0.25


def make_constant(module: nn.Module) -> None:
    """Turns all parameters and buffers of a module into buffers that no state dict holds.

    They move between devices with the module and let gradients through to its input, but no
    optimizer finds them, no `requires_grad_` thaws them and no checkpoint holds or asks for them.
    """
    for part in module.modules():
        # a tensor of two names keeps both
        parameters = part.named_parameters(recurse=False, remove_duplicate=False)
        buffers = part.named_buffers(recurse=False, remove_duplicate=False)
        for name, tensor in [*parameters, *buffers]:
            delattr(part, name)
            part.register_buffer(name, tensor.detach(), persistent=False)


class AbstractFrozenFeatures(nn.Module, ABC):
    """Maps images in [0, 1] to feature vectors by weights that never change.

    Always in evaluation mode, in full precision under autocast too, and never part of a checkpoint.
    Differentiable with respect to the images. Grey images given to a network for colour ones are
    repeated over its channels.

    Args:
        network: what a subclass asks for features; its weights are made constant.
        image_shape: (channels, height, width) that the network takes.
        resize: whether images of other sizes are resized, bilinearly and smoothed before they
            shrink, rather than refused.

    Raises:
        ValueError: if `image_shape` is no image's.
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

        They are its own: a network that works in place alters no image of a caller.
        """

    def forward(self, images: Num[Tensor, "..."]) -> Float[Tensor, "n f"]:
        """Returns the features of images.

        Args:
            images: (n, channels, height, width), floating-point, in [0, 1].

        Raises:
            TypeError: if they are not floating-point.
            ValueError: if they have another range, such as [-1, 1] or [0, 255], or another shape
                than the network takes and may not be resized.
        """
        with torch.autocast(images.device.type, enabled=False):
            return self.extract(self.fitted(images))

    def fitted(self, images: Num[Tensor, "..."]) -> Float[Tensor, "n c h w"]:
        """Returns images in the network's shape and type; raises as `forward` does."""
        if not images.is_floating_point():
            raise TypeError(
                f"`images` must be floating-point in [0, 1], got {images.dtype}; divide whole "
                "numbers from 0 to 255 by 255."
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
                "RandomConvFeatures, which is made for any size."
            )
        return functional.interpolate(images, sides, mode="bilinear", antialias=True)

    def train(self, mode: bool = True) -> "AbstractFrozenFeatures":
        """Stays in evaluation mode, whatever the module around it is set to."""
        # not by way of their own train(), which programs of torch.export do not have
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
