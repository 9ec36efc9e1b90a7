"""Residual blocks: order of convolution and resampling as in the sources, initial weights."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, relu

from networks.residual_blocks import (
    ResidualBlock,
    doubling_block,
    halving_block,
    input_block,
    keeping_block,
)

X = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def convolutions(block: ResidualBlock) -> list[nn.Conv2d]:
    return [layer for layer in block.modules() if isinstance(layer, nn.Conv2d)]


def twice(x: Tensor) -> Tensor:
    return interpolate(x, scale_factor=2, mode="nearest")


def test_doubling_equals_convolutions_of_the_larger_image() -> None:
    block = doubling_block(3).double()
    one, two, short = convolutions(block)
    first, second = (layer for layer in block.residual if isinstance(layer, nn.BatchNorm2d))
    expected = two(relu(second(one(twice(relu(first(X))))))) + short(twice(X))
    # 1e-12: the shortcut convolves before it doubles
    assert torch.allclose(block(X), expected, atol=1e-12)


def test_pixels_are_not_passed_through_relu_first() -> None:
    block = input_block(3, 5).double()
    one, two, short = convolutions(block)
    expected = avg_pool2d(two(relu(one(X))), 2) + short(avg_pool2d(X, 2))
    assert torch.equal(block(X), expected)


def test_halving_pools_after_its_convolutions() -> None:
    block = halving_block(3).double()
    one, two, short = convolutions(block)
    expected = avg_pool2d(two(relu(one(relu(X)))), 2) + avg_pool2d(short(X), 2)
    assert torch.allclose(block(X), expected, atol=1e-12)  # as above


def test_keeping_adds_the_unchanged_images() -> None:
    block = keeping_block(3).double()
    one, two = convolutions(block)
    assert torch.equal(block(X), two(relu(one(relu(X)))) + X)


@pytest.mark.parametrize("block", [doubling_block(40), halving_block(40), input_block(40, 40)])
def test_weights_start_uniform_and_larger_outside_the_shortcut(block: ResidualBlock) -> None:
    for layer in convolutions(block):
        area = layer.kernel_size[0] ** 2
        gain = 1 if area == 1 else math.sqrt(2)
        bound = gain * math.sqrt(6 / (40 * area + 40 * area))
        largest = float(layer.weight.detach().abs().max())
        assert 0.98 * bound < largest <= bound  # of at least 1,600 weights
        assert layer.bias is not None
        assert layer.bias.abs().max() == 0
