"""Pictures must have the shape that a model was made for."""

from torch import Tensor

from lightning_modules.errors import TrainingError
from lightning_modules.interface import ImageShape

__all__ = ["check_image_shape"]


def check_image_shape(images: Tensor, image_shape: ImageShape, model: object) -> None:
    """Raises TrainingError, naming the model, unless each picture or row has the shape."""
    if images.shape[1:] != image_shape:
        raise TrainingError(
            f"pictures must have the shape {image_shape} that {type(model).__name__} was made for, "
            f"got {tuple(images.shape[1:])}; set `image_shape` to the data's."
        )
