"""Weight clipping."""

import torch
from torch import nn

from lightning_modules.penalties import clip_weights


def test_clips_in_place_and_only_what_is_outside() -> None:
    layer = nn.Linear(2, 1)
    layer.weight.data = torch.tensor([[0.5, -0.005]])
    layer.bias.data = torch.tensor([-3.0])
    kept = layer.weight
    clip_weights(layer.parameters(), 0.01)
    assert layer.weight is kept
    assert layer.weight.tolist() == torch.tensor([[0.01, -0.005]]).tolist()
    assert layer.bias.tolist() == torch.tensor([-0.01]).tolist()
