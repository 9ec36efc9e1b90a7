"""Pictures must have the shape that a model was made for."""

from torch import Tensor

from lightning_modules.errors import TrainingError
from lightning_modules.interface import ImageShape

__all__ = ["check_image_shape", "from_signed", "squashed", "to_signed"]


def check_image_shape(images: Tensor, image_shape: ImageShape, model: object) -> None:
    """Raises TrainingError, naming the model, unless each picture or row has the shape."""
    if images.shape[1:] != image_shape:
        raise TrainingError(
            f"pictures must have the shape {image_shape} that {type(model).__name__} was made for, "
            f"got {tuple(images.shape[1:])}; set `image_shape` to the data's."
        )


def to_signed(images: Tensor, image_shape: ImageShape) -> Tensor:
    """Returns pictures in [0, 1] as adversarial networks see them, in [-1, 1]; table rows as is."""
    return images * 2 - 1 if _is_picture(image_shape) else images


def from_signed(images: Tensor, image_shape: ImageShape) -> Tensor:
    """Returns pictures in [-1, 1] as they are outside, in [0, 1]; table rows as is."""
    return (images + 1) / 2 if _is_picture(image_shape) else images


def squashed(output: Tensor, image_shape: ImageShape) -> Tensor:
    """Returns what a network's unbounded output stands for, in [-1, 1]; table rows as is."""
    return output.tanh() if _is_picture(image_shape) else output


def _is_picture(image_shape: ImageShape) -> bool:
    return len(image_shape) == 3
