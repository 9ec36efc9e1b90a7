"""Networks of the tutorial: shapes, numbers of weights, refused sizes."""

import pytest
import torch
from torch import nn

from networks import TutorialConvDecoder, TutorialConvEncoder


def num_weights(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_weights_are_counted_by_hand() -> None:
    encoder = TutorialConvEncoder((1, 28, 28), 4)
    decoder = TutorialConvDecoder((1, 28, 28), 2)
    # 13 x 13 after the first, 6 x 6 after the second convolution
    first, second = 9 * 32 + 32, 9 * 32 * 64 + 64
    assert num_weights(encoder) == first + second + 64 * 6 * 6 * 4 + 4
    linear = 2 * 7 * 7 * 32 + 7 * 7 * 32
    up = (9 * 32 * 64 + 64) + (9 * 64 * 32 + 32) + (9 * 32 + 1)
    assert num_weights(decoder) == linear + up


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 8, 12)])
@pytest.mark.parametrize("filters", [(32, 64), (5, 7)])
def test_shapes(shape: tuple[int, int, int], filters: tuple[int, int]) -> None:
    encoder, decoder = (
        TutorialConvEncoder(shape, 6, filters),
        TutorialConvDecoder(shape, 3, filters),
    )
    images = torch.rand(2, *shape)
    assert encoder(images).shape == (2, 6)
    assert decoder(torch.randn(2, 3)).shape == (2, *shape)


def test_every_pixel_depends_on_the_latents() -> None:
    torch.manual_seed(0)
    decoder = TutorialConvDecoder((1, 28, 28), 2)
    images = decoder(torch.randn(8, 2))
    assert (images.std(0) > 0).all()


@pytest.mark.parametrize("network", [TutorialConvEncoder, TutorialConvDecoder])
@pytest.mark.parametrize("shape", [(1, 30, 28), (1, 28, 4)])
def test_sides_that_do_not_fit(network: type[nn.Module], shape: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"`image_shape` must .* multiples of 4 .* resize the"):
        network(shape, 2)


@pytest.mark.parametrize("network", [TutorialConvEncoder, TutorialConvDecoder])
def test_no_filters(network: type[nn.Module]) -> None:
    with pytest.raises(ValueError, match="`filters` and channels must be at least 1, got"):
        network((1, 28, 28), 2, (32, 0))
