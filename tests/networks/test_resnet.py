"""Residual networks: numbers of weights of both papers, other images, sums over pixels."""

import math

import pytest
import torch
from torch import nn

from networks import ResNetDecoder, ResNetEncoder


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def convolution(fan_in: int, fan_out: int, side: int = 3) -> int:
    return fan_in * fan_out * side**2 + fan_out


@pytest.mark.parametrize(("width", "total"), [(128, 1_204_483), (256, 4_276_739)])
def test_generators_have_the_papers_sizes(width: int, total: int) -> None:
    first = 128 * 16 * width + 16 * width
    norm = 2 * width
    block = 2 * norm + 2 * convolution(width, width) + convolution(width, width, side=1)
    assert first + 3 * block + norm + convolution(width, 3) == total
    assert count(ResNetDecoder((3, 32, 32), 128, width=width)) == total


@pytest.mark.parametrize(("output_bias", "total"), [(True, 1_053_825), (False, 1_053_824)])
def test_critics_have_the_papers_sizes(output_bias: bool, total: int) -> None:
    pair = 2 * convolution(128, 128)
    pixels = convolution(3, 128) + convolution(128, 128) + convolution(3, 128, side=1)
    halving = pair + convolution(128, 128, side=1)
    assert pixels + halving + 2 * pair + 128 + output_bias == total
    assert count(ResNetEncoder((3, 32, 32), 1, output_bias=output_bias)) == total


@pytest.mark.parametrize(
    ("shape", "side"), [((3, 32, 32), 8), ((1, 28, 28), 14), ((3, 64, 64), 8), ((1, 8, 8), 4)]
)
def test_shapes(shape: tuple[int, int, int], side: int) -> None:
    encoder, decoder = ResNetEncoder(shape, 5, width=4), ResNetDecoder(shape, 6, width=4)
    images = decoder(torch.randn(2, 6))
    assert images.shape == (2, *shape)
    assert encoder(images).shape == (2, 5)
    assert encoder.blocks(images).shape == (2, 4, side, side)


def test_critic_has_no_norm_and_generator_has() -> None:
    norms = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)
    assert not [m for m in ResNetEncoder((3, 32, 32), 1).modules() if isinstance(m, norms)]
    batch_norms = [m for m in ResNetDecoder((3, 32, 32), 1).modules() if isinstance(m, norms)]
    assert len(batch_norms) == 7


def test_sum_over_pixels_is_their_mean_times_their_number() -> None:
    images = torch.randn(2, 3, 32, 32)
    mean, total = (ResNetEncoder((3, 32, 32), 1, width=4, sum_pixels=s) for s in (False, True))
    total.load_state_dict(mean.state_dict())
    # 1e-5: the order of 64 summands in float32; biases start at 0
    assert torch.allclose(total(images), 64 * mean(images), rtol=1e-5, atol=1e-5)


def test_first_and_last_layers_start_uniform_after_glorot() -> None:
    encoder, decoder = ResNetEncoder((3, 32, 32), 1), ResNetDecoder((3, 32, 32), 128)
    for layer, fans in (
        (encoder.output, 128 + 1),
        (decoder[0], 128 + 2048),
        (decoder[-1], 9 * 128 + 9 * 3),
    ):
        bound = math.sqrt(6 / fans)
        assert 0.95 * bound < float(layer.weight.detach().abs().max()) <= bound
        assert layer.bias.abs().max() == 0


@pytest.mark.parametrize("network", [ResNetEncoder, ResNetDecoder])
def test_impossible_sizes_are_refused(network: type[ResNetEncoder] | type[ResNetDecoder]) -> None:
    with pytest.raises(ValueError, match=r"`image_shape` must have sides .* 32, 48 or 64, got"):
        network((3, 36, 36), 2)
    with pytest.raises(ValueError, match="`width` must be at least 1, got 0; 64 and 128"):
        network((3, 32, 32), 2, width=0)
