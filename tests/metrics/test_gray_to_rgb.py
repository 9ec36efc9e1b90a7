import pytest
import torch

from metrics import GrayToRGB
from tests.metrics.sets import TinyNet


def test_the_channel_is_repeated() -> None:
    network = TinyNet(3).eval()
    images = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(GrayToRGB(network)(images), network(torch.cat([images] * 3, 1)))


@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (2, 8)])
def test_other_images_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"`images` must be grey images .* to the network itself"):
        GrayToRGB(TinyNet(3))(torch.zeros(shape))
