"""Every convolutional network refuses what is no image, in words."""

import pytest
from torch import nn

import networks
from networks.image_sizes import checked_image_shape

CONVOLUTIONAL = [
    name
    for name in networks.__all__
    if not name.startswith("MLP") and not name.endswith("Features")
]


def test_images_pass() -> None:
    assert checked_image_shape((3, 4, 5)) == (3, 4, 5)


@pytest.mark.parametrize("shape", [(13,), (28, 28), (2, 1, 28, 28)])
@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_anything_else_is_refused(name: str, shape: tuple[int, ...]) -> None:
    network: type[nn.Module] = getattr(networks, name)
    message = r"`image_shape` must be \(channels, height, width\) .* got \(.*table take MLPEncoder"
    with pytest.raises(ValueError, match=message):
        network(shape, 2)
