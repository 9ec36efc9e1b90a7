import pytest
import torch

from metrics import GreyToRGB
from tests.metrics.sets import TinyNet


def test_the_net_sees_the_channel_thrice() -> None:
    net = TinyNet(3).eval()
    images = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(GreyToRGB(net)(images), net(torch.cat([images] * 3, 1)))


@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (2, 8)])
def test_other_pictures_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"`images` must be grey pictures .* to the net itself"):
        GreyToRGB(TinyNet(3))(torch.zeros(shape))
