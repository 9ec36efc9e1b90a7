"""Both digit networks classify digits, sharp, blurred and noisy."""

import pytest
import torch
from torch.nn import functional

from datamodules import MNIST5k
from networks import DigitFeatures


@pytest.mark.integration
@pytest.mark.parametrize("role", ["choosing", "judging"])
def test_digits_of_mnist5k_are_classified(role: str) -> None:
    splits = [MNIST5k().read(train) for train in (True, False)]
    images = torch.cat([images for images, _ in splits]) / 255
    labels = torch.cat([labels for _, labels in splits])
    network = DigitFeatures(role)

    def accuracy(digits: torch.Tensor) -> float:
        return float((network.classify(digits).argmax(1) == labels).float().mean())

    assert accuracy(images) > 0.992
    assert accuracy(functional.avg_pool2d(images, 3, 1, 1)) > 0.97  # as blurred as a VAE's
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    assert accuracy((images + 0.1 * noise).clamp(0, 1)) > 0.97
