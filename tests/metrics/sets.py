"""Two sets of features, every metric over them, and a network for small images."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from metrics import (
    PRDC,
    AbstractFeatureMetric,
    ClassCoverage,
    FrechetDistance,
    Novelty,
    RepeatRate,
    SquaredEnergyDistance,
    VendiScore,
    Wasserstein1,
)

NUM_FEATURES = 4


def real_and_fake(
    num_real: int = 90, num_fake: int = 70, num_features: int = NUM_FEATURES
) -> tuple[Float[Tensor, "n f"], Float[Tensor, "m f"]]:
    """Returns two normal samples; the second is narrower, shifted, and has near copies."""
    generator = torch.Generator().manual_seed(3)
    real = torch.randn(num_real, num_features, generator=generator)
    fake = 0.8 * torch.randn(num_fake, num_features, generator=generator) + 0.3
    fake[-3:] = fake[:3] + 1e-3
    return real, fake


def every_metric(keep_real: bool = False) -> list[AbstractFeatureMetric]:
    """Returns one metric of each class, for features of `real_and_fake` or as many logits."""
    return [
        PRDC(num_neighbours=3, keep_real=keep_real),
        VendiScore(),
        FrechetDistance(NUM_FEATURES, keep_real=keep_real),
        SquaredEnergyDistance(keep_real=keep_real),
        ClassCoverage(NUM_FEATURES, keep_real=keep_real),
        Novelty(keep_real=keep_real),
        RepeatRate(keep_real=keep_real),
        Wasserstein1(keep_real=keep_real),
    ]


def numbers(metric: AbstractFeatureMetric) -> list[float]:
    """Returns the values of a metric as a list."""
    result = metric.compute()
    values = result.values() if isinstance(result, dict) else [result]
    return [float(value) for value in values]


class TinyNet(nn.Module):
    """A network with a weight, a buffer and a head whose features depend on its mode."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, NUM_FEATURES, 3)
        self.norm = nn.BatchNorm2d(NUM_FEATURES)

    def forward(self, images: Tensor) -> Tensor:
        return self.norm(self.conv(images)).mean((2, 3))

    def classify(self, images: Tensor) -> Tensor:
        return self(images)
