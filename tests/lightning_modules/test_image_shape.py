"""The shape of pictures is checked and both shapes are said."""

import pytest
import torch

from lightning_modules import TrainingError
from lightning_modules.image_shape import check_image_shape


def test_both_shapes_are_said() -> None:
    check_image_shape(torch.zeros(5, 3, 4, 6), (3, 4, 6), "a model")
    message = r"shape \(3, 4, 6\) that str was made for, got \(3, 6, 4\); set `image_shape`"
    with pytest.raises(TrainingError, match=message):
        check_image_shape(torch.zeros(5, 3, 6, 4), (3, 4, 6), "a model")
