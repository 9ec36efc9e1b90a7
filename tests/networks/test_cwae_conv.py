"""Networks of the Cramer-Wold autoencoder: shapes, numbers of weights, refused sides."""

import pytest
import torch
from torch import nn

from networks import CWAEDecoder, CWAEEncoder


def num_weights(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_weights_are_counted_by_hand() -> None:
    convolutions = (4 * 3 * 3 + 3) + (4 * 3 * 32 + 32) + 2 * (4 * 32 * 32 + 32)
    linear = 8192 * 128 + 128 + 128 * 64 + 64
    assert num_weights(CWAEEncoder((3, 32, 32), 64)) == convolutions + linear
    linear = 64 * 128 + 128 + 128 * 8192 + 8192
    convolutions = 2 * (4 * 32 * 32 + 32) + (9 * 32 * 32 + 32) + (4 * 32 * 3 + 3)
    assert num_weights(CWAEDecoder((3, 32, 32), 64)) == linear + convolutions


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (3, 6, 10)])
def test_shapes(shape: tuple[int, int, int]) -> None:
    assert CWAEEncoder(shape, 5)(torch.rand(2, *shape)).shape == (2, 5)
    assert CWAEDecoder(shape, 5)(torch.randn(2, 5)).shape == (2, *shape)


@pytest.mark.parametrize("network", [CWAEEncoder, CWAEDecoder])
def test_odd_sides(network: type[nn.Module]) -> None:
    message = r"`image_shape` must have even sides, got \(3, 31, 32\); resize the images or take"
    with pytest.raises(ValueError, match=message):
        network((3, 31, 32), 2)
