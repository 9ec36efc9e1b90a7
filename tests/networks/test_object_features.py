"""Both object networks classify images of CIFAR-10."""

import os
from pathlib import Path

import pytest

from datamodules import CIFAR10
from networks import ObjectFeatures

HAS_CIFAR = (Path(os.environ.get("HAWC_DATA", "nowhere")) / "cifar-10-batches-py").is_dir()


@pytest.mark.integration
@pytest.mark.skipif(not HAS_CIFAR, reason="needs CIFAR-10 in HAWC_DATA")
@pytest.mark.parametrize("role", ["choosing", "judging"])
def test_objects_are_classified(role: str) -> None:
    images, labels = CIFAR10().read(train=False)
    classes = ObjectFeatures(role).classify(images[:1000] / 255).argmax(1)
    assert (classes == labels[:1000]).float().mean() > 0.78  # standard error 1.2 %
