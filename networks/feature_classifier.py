"""Six small convolutional classifiers whose last hidden layer gives features.

    data     role      input        layers                                                features
    digits   choosing  1 x 28 x 28  3x3 convolutions, GELU, mean pooling, a linear layer  96
    digits   judging   1 x 28 x 28  5x5, then residual 3x3, ReLU, max pooling             64
    clothes  as digits
    objects  choosing  3 x 32 x 32  4x4 of stride 2, then 3x3, GELU, mean pooling         128
    objects  judging   3 x 32 x 32  3x3 and residual blocks, ReLU, max pooling            128

Every convolution is followed by batch normalisation. Networks of the role "choosing" are smooth,
since a sampler follows their gradients. Those of the role "judging" share only the training data
with them.
"""

from collections.abc import Callable
from typing import Literal, final

import torch
from torch import Tensor, nn

from networks.annotations import Float
from networks.residual_blocks import ResidualBlock

__all__ = ["Data", "FeatureClassifier", "Role", "untrained_classifier"]

Data = Literal["digits", "clothes", "objects"]
Role = Literal["choosing", "judging"]


@final
class FeatureClassifier(nn.Module):
    """Maps images to logits of ten classes by a linear layer on features.

    It holds the normalisation of its inputs and features as buffers.

    Args:
        channels: of the images.
        num_features: of the last hidden layer.
        body: maps images, standardised by channel, to the last hidden layer.
    """

    pixel_mean: Tensor
    pixel_std: Tensor
    feature_mean: Tensor
    feature_std: Tensor

    def __init__(self, channels: int, num_features: int, body: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Linear(num_features, 10)
        self.register_buffer("pixel_mean", torch.zeros(channels, 1, 1))
        self.register_buffer("pixel_std", torch.ones(channels, 1, 1))
        self.register_buffer("feature_mean", torch.zeros(num_features))
        self.register_buffer("feature_std", torch.ones(num_features))

    def hidden(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n f"]:
        """Returns the last hidden layer, not standardised."""
        return self.body((images - self.pixel_mean) / self.pixel_std)

    def features(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n f"]:
        """Returns the last hidden layer, each unit standardised over the training images."""
        return (self.hidden(images) - self.feature_mean) / self.feature_std

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        return self.head(self.hidden(images))


def untrained_classifier(data: Data, role: Role) -> FeatureClassifier:
    """Returns a classifier with random weights of the global generator."""
    channels, num_features, body = _NETWORKS[data, role]
    return FeatureClassifier(channels, num_features, body())


def _convolution(
    fan_in: int, fan_out: int, activation: nn.Module, side: int = 3, stride: int = 1
) -> nn.Sequential:
    padding = (side - 1) // 2
    return nn.Sequential(
        nn.Conv2d(fan_in, fan_out, side, stride=stride, padding=padding, bias=False),
        nn.BatchNorm2d(fan_out),
        activation,
    )


def _residual(width: int) -> nn.Sequential:
    second = _convolution(width, width, nn.Identity())
    nn.init.zeros_(second[1].weight)  # the block starts as the identity
    longer = nn.Sequential(_convolution(width, width, nn.ReLU()), second)
    return nn.Sequential(ResidualBlock(longer, nn.Identity()), nn.ReLU())


def _smooth_gray() -> nn.Sequential:
    return nn.Sequential(
        *(_convolution(1, 16, nn.GELU()), nn.AvgPool2d(2)),  # 14 x 14
        *(_convolution(16, 32, nn.GELU()), nn.AvgPool2d(2)),  # 7 x 7
        *(_convolution(32, 48, nn.GELU()), nn.Flatten()),
        *(nn.Linear(48 * 7 * 7, 96, bias=False), nn.BatchNorm1d(96), nn.GELU()),
    )


def _residual_gray() -> nn.Sequential:
    return nn.Sequential(
        *(_convolution(1, 24, nn.ReLU(), side=5), nn.MaxPool2d(2)),  # 14 x 14
        *(_convolution(24, 64, nn.ReLU(), side=5, stride=2), _residual(64)),  # 7 x 7
        *(nn.AdaptiveMaxPool2d(1), nn.Flatten()),
    )


def _smooth_objects() -> nn.Sequential:
    return nn.Sequential(
        _convolution(3, 48, nn.GELU(), side=4, stride=2),  # 16 x 16
        *(_convolution(48, 64, nn.GELU()), nn.AvgPool2d(2)),  # 8 x 8
        _convolution(64, 128, nn.GELU()),
        *(_convolution(128, 128, nn.GELU()), nn.AvgPool2d(2)),  # 4 x 4
        _convolution(128, 192, nn.GELU()),
        _convolution(192, 128, nn.GELU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    )


def _residual_objects() -> nn.Sequential:
    return nn.Sequential(
        *(_convolution(3, 32, nn.ReLU()), nn.MaxPool2d(2)),  # 16 x 16
        *(_convolution(32, 64, nn.ReLU()), nn.MaxPool2d(2)),  # 8 x 8
        *(_convolution(64, 128, nn.ReLU()), _residual(128), nn.MaxPool2d(2)),  # 4 x 4
        *(_convolution(128, 128, nn.ReLU()), _residual(128)),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    )


_NETWORKS: dict[tuple[Data, Role], tuple[int, int, Callable[[], nn.Sequential]]] = {
    ("digits", "choosing"): (1, 96, _smooth_gray),
    ("digits", "judging"): (1, 64, _residual_gray),
    ("clothes", "choosing"): (1, 96, _smooth_gray),
    ("clothes", "judging"): (1, 64, _residual_gray),
    ("objects", "choosing"): (3, 128, _smooth_objects),
    ("objects", "judging"): (3, 128, _residual_objects),
}
