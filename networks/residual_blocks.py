"""Residual blocks of two convolutions and a shortcut, as in WGAN-GP and SNGAN.

A 1 x 1 convolution commutes with repeating pixels and with averaging them. The sources convolve
the larger image of a shortcut, this module the smaller one: the same result for a quarter of the
work. Weights start uniform after Glorot, outside shortcuts times the square root of 2. Biases start
at 0.

Source: Gulrajani et al. 2017, arXiv 1704.00028, and Miyato et al. 2018, arXiv 1802.05957, in their
authors' code for CIFAR-10.
"""

import math
from typing import final

from torch import Tensor, nn

from networks.annotations import Float
from networks.initialization import initialize_like_keras

__all__ = ["ResidualBlock", "doubling_block", "halving_block", "input_block", "keeping_block"]


@final
class ResidualBlock(nn.Module):
    """Adds the outputs of two networks for the same images.

    Args:
        residual: the convolutions.
        shortcut: a network whose outputs have the same shape.
    """

    def __init__(self, residual: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.residual = residual
        self.shortcut = shortcut

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b e k l"]:
        return self.residual(x) + self.shortcut(x)


def doubling_block(width: int) -> ResidualBlock:
    """Returns a generator's block, which doubles the sides by repeating pixels."""
    return ResidualBlock(
        nn.Sequential(
            *(nn.BatchNorm2d(width), nn.ReLU(), nn.Upsample(scale_factor=2)),
            *(_convolution(width, width), nn.BatchNorm2d(width), nn.ReLU()),
            _convolution(width, width),
        ),
        nn.Sequential(_shortcut(width, width), nn.Upsample(scale_factor=2)),
    )


def input_block(channels: int, width: int) -> ResidualBlock:
    """Returns a critic's first block, which halves the sides; no ReLU on pixels."""
    return ResidualBlock(
        nn.Sequential(
            *(_convolution(channels, width), nn.ReLU()),
            *(_convolution(width, width), nn.AvgPool2d(2)),
        ),
        nn.Sequential(nn.AvgPool2d(2), _shortcut(channels, width)),
    )


def halving_block(width: int) -> ResidualBlock:
    """Returns a critic's block that halves the sides by the mean of 2 x 2 pixels."""
    return ResidualBlock(
        nn.Sequential(*_activated_pair(width), nn.AvgPool2d(2)),
        nn.Sequential(nn.AvgPool2d(2), _shortcut(width, width)),
    )


def keeping_block(width: int) -> ResidualBlock:
    """Returns a critic's block that keeps the sides; its shortcut is the identity."""
    return ResidualBlock(nn.Sequential(*_activated_pair(width)), nn.Identity())


def _activated_pair(width: int) -> tuple[nn.Module, ...]:
    return nn.ReLU(), _convolution(width, width), nn.ReLU(), _convolution(width, width)


def _convolution(fan_in: int, fan_out: int) -> nn.Conv2d:
    layer = nn.Conv2d(fan_in, fan_out, 3, padding=1)
    initialize_like_keras(layer)
    layer.weight.data.mul_(math.sqrt(2))
    return layer


def _shortcut(fan_in: int, fan_out: int) -> nn.Conv2d:
    layer = nn.Conv2d(fan_in, fan_out, 1)
    initialize_like_keras(layer)
    return layer
