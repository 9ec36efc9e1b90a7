"""DCGAN-like networks: which sizes they make, exact numbers of parameters, start of the weights."""

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


def test_critic_for_32_has_the_known_size() -> None:
    convolutions = 3 * 64 * 16 + 64 + 64 * 128 * 16 + 128 * 256 * 16
    norms = 2 * 128 + 2 * 256
    assert count(ConvEncoder((3, 32, 32), 1)) == convolutions + norms + 256 * 16 + 1


def test_generator_for_32_has_the_known_size() -> None:
    first = 100 * 256 * 16 + 256 * 16 + 2 * 256
    middle = 256 * 128 * 16 + 2 * 128 + 128 * 64 * 16 + 2 * 64
    assert count(ConvDecoder((3, 32, 32), 100)) == first + middle + 64 * 3 * 16 + 3


@pytest.mark.parametrize("shape", [(1, 9, 9), (3, 31, 32), (1, 3, 3), (3, 36, 36), (1, 8, 64)])
@pytest.mark.parametrize("network", [ConvEncoder, ConvDecoder])
def test_impossible_sizes_are_refused(
    network: type[ConvEncoder] | type[ConvDecoder], shape: tuple[int, int, int]
) -> None:
    with pytest.raises(ValueError, match=r"`image_shape` must .* 48 or 64, got .*; resize the"):
        network(shape, 2)


@pytest.mark.parametrize("network", [ConvEncoder, ConvDecoder])
def test_empty_layers_are_refused(network: type[ConvEncoder] | type[ConvDecoder]) -> None:
    with pytest.raises(ValueError, match="`width` must be at least 1, got 0; 64 and 128"):
        network((1, 28, 28), 2, width=0)


def test_weights_start_as_in_dcgan() -> None:
    torch.manual_seed(0)
    encoder = ConvEncoder((3, 32, 32), 1)
    convolution = encoder[2]
    # 131,072 draws: the standard error of the standard deviation is 0.02 / sqrt(2 n) = 4e-5
    assert convolution.weight.std().item() == pytest.approx(0.02, abs=2e-4)
    assert encoder[0].bias.abs().max() == 0
    norm = next(layer for layer in encoder.modules() if isinstance(layer, nn.BatchNorm2d))
    assert norm.weight.mean().item() == pytest.approx(1, abs=0.01)
