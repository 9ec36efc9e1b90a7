"""Four nets, two a kind of picture, with nothing in common but what goes in and comes out."""

from typing import get_args

import pytest
import torch
from torch import nn

from networks.feature_classifier import Data, Role, untrained_classifier

SHAPES = {"digits": (1, 28, 28), "objects": (3, 32, 32)}


@pytest.mark.parametrize("role", get_args(Role))
@pytest.mark.parametrize("data", get_args(Data))
def test_logits_are_linear_in_the_hidden_layer_and_features_standardise_it(
    data: Data, role: Role
) -> None:
    net = untrained_classifier(data, role).eval()
    images = torch.rand(3, *SHAPES[data])
    hidden = net.hidden(images)
    assert torch.equal(net(images), net.head(hidden))
    net.feature_mean.fill_(0.5)
    net.feature_std.fill_(2)
    assert torch.equal(net.features(images), (hidden - 0.5) / 2)
    assert 64 <= hidden.shape[1] <= 128
    assert sum(p.numel() for p in net.parameters()) < 1e6  # 2 MB of float16


@pytest.mark.parametrize("role", get_args(Role))
@pytest.mark.parametrize("data", get_args(Data))
def test_pixels_are_standardised_by_channel(data: Data, role: Role) -> None:
    net = untrained_classifier(data, role).eval()
    images = torch.rand(3, *SHAPES[data])
    plain = net(images)
    net.pixel_mean.fill_(0.25)
    net.pixel_std.fill_(0.5)
    # rounding of the pixels, carried through the layers
    assert torch.allclose(net(images * 0.5 + 0.25), plain, atol=1e-5)


@pytest.mark.parametrize("data", get_args(Data))
def test_the_two_of_a_kind_have_different_layers(data: Data) -> None:
    choosing, judging = (
        untrained_classifier(data, "choosing"),
        untrained_classifier(data, "judging"),
    )

    def kernels(net: nn.Module) -> set[torch.Size]:
        return {p.shape for p in net.parameters() if p.ndim == 4}

    assert kernels(choosing) != kernels(judging)
    kinds = [{type(layer) for layer in net.modules()} for net in (choosing, judging)]
    assert nn.GELU in kinds[0] - kinds[1]
    assert nn.MaxPool2d in kinds[1] - kinds[0]


@pytest.mark.parametrize("data", get_args(Data))
def test_a_residual_block_starts_as_the_identity(data: Data) -> None:
    net = untrained_classifier(data, "judging").eval()
    [*_, block] = [part for part in net.modules() if hasattr(part, "shortcut")]
    x = torch.rand(2, block.residual[0][0].in_channels, 4, 4)
    assert torch.equal(block(x), x)
