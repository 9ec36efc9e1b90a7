"""DCGAN-like networks: sizes of images, numbers of parameters, initial weights."""

import pytest
import torch
from torch import nn

from networks import ConvDecoder, ConvEncoder


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 64, 64), (3, 48, 56), (1, 8, 8)])
@pytest.mark.parametrize("batch_norm", [True, False])
def test_shapes(shape: tuple[int, int, int], batch_norm: bool) -> None:
    encoder = ConvEncoder(shape, 5, width=4, batch_norm=batch_norm)
    decoder = ConvDecoder(shape, 5, width=4, batch_norm=batch_norm)
    assert encoder(torch.zeros(2, *shape)).shape == (2, 5)
    assert decoder(torch.zeros(2, 5)).shape == (2, *shape)
    assert any(isinstance(layer, nn.BatchNorm2d) for layer in decoder.modules()) == batch_norm


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 33, 47), (1, 9, 8)])
@pytest.mark.parametrize("num_halvings", [1, 3])
def test_shapes_where_sides_are_halved_further(
    shape: tuple[int, int, int], num_halvings: int
) -> None:
    encoder = ConvEncoder(shape, 5, width=4, num_halvings=num_halvings)
    decoder = ConvDecoder(shape, 5, width=4, num_halvings=num_halvings)
    assert sum(isinstance(layer, nn.Conv2d) for layer in encoder) == num_halvings
    assert sum(isinstance(layer, nn.ConvTranspose2d) for layer in decoder) == num_halvings
    assert encoder(torch.zeros(2, *shape)).shape == (2, 5)
    assert decoder(torch.zeros(2, 5)).shape == (2, *shape)


def test_networks_for_28_halved_three_times_have_the_known_size() -> None:
    convolutions = 1 * 32 * 16 + 32 + 32 * 64 * 16 + 64 + 64 * 128 * 16 + 128
    critic = ConvEncoder((1, 28, 28), 1, width=32, batch_norm=False, num_halvings=3)
    assert count(critic) == convolutions + 128 * 9 + 1
    first = 32 * 128 * 9 + 128 * 9 + 2 * 128
    middle = 128 * 64 * 16 + 2 * 64 + 64 * 32 * 16 + 2 * 32
    generator = ConvDecoder((1, 28, 28), 32, width=32, num_halvings=3)
    assert count(generator) == first + middle + 32 * 16 + 1


def test_critic_for_32_has_the_known_size() -> None:
    convolutions = 3 * 64 * 16 + 64 + 64 * 128 * 16 + 128 * 256 * 16
    norms = 2 * 128 + 2 * 256
    assert count(ConvEncoder((3, 32, 32), 1)) == convolutions + norms + 256 * 16 + 1


def test_generator_for_32_has_the_known_size() -> None:
    first = 100 * 256 * 16 + 256 * 16 + 2 * 256
    middle = 256 * 128 * 16 + 2 * 128 + 128 * 64 * 16 + 2 * 64
    assert count(ConvDecoder((3, 32, 32), 100)) == first + middle + 64 * 3 * 16 + 3


@pytest.mark.parametrize("network", [ConvEncoder, ConvDecoder])
def test_impossible_sizes_are_refused(network: type[ConvEncoder] | type[ConvDecoder]) -> None:
    with pytest.raises(ValueError, match=r"`image_shape` must .* 48 or 64, got .*; resize the"):
        network((3, 36, 36), 2)
    with pytest.raises(ValueError, match="`num_halvings` must be from 1 to 4 for 28 x 28 pixels"):
        network((1, 28, 28), 2, num_halvings=5)


@pytest.mark.parametrize("network", [ConvEncoder, ConvDecoder])
def test_empty_layers_are_refused(network: type[ConvEncoder] | type[ConvDecoder]) -> None:
    with pytest.raises(ValueError, match="`width` must be at least 1, got 0; 64 and 128"):
        network((1, 28, 28), 2, width=0)


def test_weights_start_as_in_dcgan() -> None:
    torch.manual_seed(0)
    encoder = ConvEncoder((3, 32, 32), 1)
    convolution = encoder[2]
    # of 131,072 weights: the standard error of the deviation is 0.02 / sqrt(2 n) = 4e-5
    assert convolution.weight.std().item() == pytest.approx(0.02, abs=2e-4)
    assert encoder[0].bias.abs().max() == 0
    norm = next(layer for layer in encoder.modules() if isinstance(layer, nn.BatchNorm2d))
    assert norm.weight.mean().item() == pytest.approx(1, abs=0.01)
