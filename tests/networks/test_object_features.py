"""Both object networks know the objects of CIFAR-10."""

import os
from pathlib import Path

import pytest
import torch

from datamodules import CIFAR10
from networks import ObjectFeatures

HAS_CIFAR = (Path(os.environ.get("HAWC_DATA", "nowhere")) / "cifar-10-batches-py").is_dir()


@pytest.mark.skipif(not HAS_CIFAR, reason="needs CIFAR-10 in HAWC_DATA")
@pytest.mark.parametrize("role", ["choosing", "judging"])
def test_objects_are_named(role: str) -> None:
    images, labels = CIFAR10().read(train=False)
    named = ObjectFeatures(role).classify(images[:1000] / 255).argmax(1)
    assert (named == labels[:1000]).float().mean() > 0.78  # standard error 1.2 %


def test_gray_images_are_repeated_over_colors() -> None:
    gray = torch.rand(2, 1, 28, 28)
    features = ObjectFeatures("choosing", resize=True)
    assert torch.equal(features(gray), features(gray.repeat(1, 3, 1, 1)))
