"""The shape of pictures is checked and both shapes are said."""

import pytest
import torch

from lightning_modules import TrainingError
from lightning_modules.image_shape import check_image_shape, from_signed, squashed, to_signed


def test_both_shapes_are_said() -> None:
    check_image_shape(torch.zeros(5, 3, 4, 6), (3, 4, 6), "a model")
    message = r"shape \(3, 4, 6\) that str was made for, got \(3, 6, 4\); set `image_shape`"
    with pytest.raises(TrainingError, match=message):
        check_image_shape(torch.zeros(5, 3, 6, 4), (3, 4, 6), "a model")


def test_pictures_are_scaled_and_rows_are_not() -> None:
    picture, row = torch.tensor([[[[0.0, 0.25, 1.0]]]]), torch.tensor([[-3.0, 4.0]])
    signed = to_signed(picture, (1, 1, 3))
    assert signed.flatten().tolist() == [-1.0, -0.5, 1.0]
    assert torch.equal(from_signed(signed, (1, 1, 3)), picture)
    assert torch.equal(squashed(signed, (1, 1, 3)), signed.tanh())
    for function in (to_signed, from_signed, squashed):
        assert torch.equal(function(row, (2,)), row)
