"""Batches of images are taken apart and put together in their own kind."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from hawc.samplers.images import as_batch, copied, decoded_images, single_images
from hawc.samplers.latent_form import LatentForm


@pytest.mark.parametrize(
    "batch", [torch.rand(3, 2, 2), np.random.default_rng(0).random((3, 2)), ["a", "b", "c"]]
)
def test_a_batch_survives(batch: Any) -> None:
    again = as_batch(single_images(batch, 3))
    assert type(again) is type(batch)
    assert all(np.array_equal(one, other) for one, other in zip(again, batch, strict=True))


@pytest.mark.parametrize("output", ["abc", {"a": 1}, torch.zeros(2, 3), [1, 2]])
def test_anything_else_is_refused(output: Any) -> None:
    with pytest.raises(ValueError, match="`decode` must return a tensor, an array or a list of 3"):
        single_images(output, 3)


def test_copies_share_no_memory() -> None:
    for batch in (torch.zeros(2), np.zeros(2)):
        copied(batch)[:] = 1
        assert not batch.any()


def test_decodes_in_batches_in_eval_mode_without_gradients() -> None:
    layer = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.9)).train()
    sizes: list[int] = []

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, z: Tensor) -> Tensor:
            sizes.append(len(z))
            return self.layer(z)

    images = decoded_images(Model(), torch.ones(5, 4), LatentForm(batch_size=2))
    assert sizes == [2, 2, 1]
    assert images.shape == (5, 4)
    assert not images.requires_grad
    torch.testing.assert_close(images[0], images[4])
    assert layer.training
