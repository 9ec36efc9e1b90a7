"""Images are scaled to [-1, 1] and back; rows are unchanged."""

import torch

from lightning_modules.base.image_range import from_signed, is_image, squashed, to_signed


def test_images_are_scaled_and_rows_are_not() -> None:
    image, row = torch.tensor([[[[0.0, 0.25, 1.0]]]]), torch.tensor([[-3.0, 4.0]])
    assert is_image((1, 1, 3))
    assert not is_image((2,))
    signed = to_signed(image, (1, 1, 3))
    assert signed.flatten().tolist() == [-1.0, -0.5, 1.0]
    assert torch.equal(from_signed(signed, (1, 1, 3)), image)
    assert torch.equal(squashed(signed, (1, 1, 3)), signed.tanh())
    for function in (to_signed, from_signed, squashed):
        assert torch.equal(function(row, (2,)), row)
