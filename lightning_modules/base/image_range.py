"""Ranges of images: [0, 1] in data and callbacks, [-1, 1] in adversarial networks.

Table rows are unchanged by all functions.
"""

from torch import Tensor

from lightning_modules.interface import ImageShape

__all__ = ["from_signed", "is_image", "squashed", "to_signed"]


def is_image(image_shape: ImageShape) -> bool:
    """Returns whether a shape is that of an image rather than of a table row."""
    return len(image_shape) == 3


def to_signed(images: Tensor, image_shape: ImageShape) -> Tensor:
    """Maps images from [0, 1] to [-1, 1]."""
    return images * 2 - 1 if is_image(image_shape) else images


def from_signed(images: Tensor, image_shape: ImageShape) -> Tensor:
    """Maps images from [-1, 1] to [0, 1]."""
    return (images + 1) / 2 if is_image(image_shape) else images


def squashed(output: Tensor, image_shape: ImageShape) -> Tensor:
    """Maps a network's unbounded output to images in [-1, 1]."""
    return output.tanh() if is_image(image_shape) else output
