"""Images in [0, 1] outside, in [-1, 1] inside adversarial models; rows stay as they are."""

from torch import Tensor

from lightning_modules.interface import ImageShape

__all__ = ["from_signed", "is_image", "squashed", "to_signed"]


def is_image(image_shape: ImageShape) -> bool:
    """Returns whether a shape is that of an image, in [0, 1]; otherwise it is that of a row."""
    return len(image_shape) == 3


def to_signed(images: Tensor, image_shape: ImageShape) -> Tensor:
    """Returns images in [0, 1] as adversarial networks see them, in [-1, 1]; table rows as is."""
    return images * 2 - 1 if is_image(image_shape) else images


def from_signed(images: Tensor, image_shape: ImageShape) -> Tensor:
    """Returns images in [-1, 1] as they are outside, in [0, 1]; table rows as is."""
    return (images + 1) / 2 if is_image(image_shape) else images


def squashed(output: Tensor, image_shape: ImageShape) -> Tensor:
    """Returns what a network's unbounded output stands for, in [-1, 1]; table rows as is."""
    return output.tanh() if is_image(image_shape) else output
