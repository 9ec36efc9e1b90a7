"""Both clothes networks classify images of Fashion-MNIST."""

import pytest

from datamodules import FashionMNIST
from datamodules.errors import DataError
from networks import ClothesFeatures


@pytest.mark.integration
@pytest.mark.parametrize("role", ["choosing", "judging"])
def test_clothes_are_classified(role: str) -> None:
    try:
        images, labels = FashionMNIST().read(train=False)
    except (DataError, FileNotFoundError):
        pytest.skip("needs Fashion-MNIST in HAWC_DATA or Debian's package")
    classes = ClothesFeatures(role).classify(images[:1000] / 255).argmax(1)
    assert (classes == labels[:1000]).float().mean() > 0.87  # standard error 0.9 %
