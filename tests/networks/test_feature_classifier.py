"""Four networks, two per kind of image, which share only input and output shapes."""

from typing import get_args

import pytest
import torch
from torch import nn

from networks.feature_classifier import Data, Role, untrained_classifier

SHAPES = {"digits": (1, 28, 28), "clothes": (1, 28, 28), "objects": (3, 32, 32)}


@pytest.mark.parametrize("role", get_args(Role))
@pytest.mark.parametrize("data", get_args(Data))
def test_logits_are_linear_in_the_hidden_layer_and_features_standardize_it(
    data: Data, role: Role
) -> None:
    network = untrained_classifier(data, role).eval()
    images = torch.rand(3, *SHAPES[data])
    hidden = network.hidden(images)
    assert torch.equal(network(images), network.head(hidden))
    network.feature_mean.fill_(0.5)
    network.feature_std.fill_(2)
    assert torch.equal(network.features(images), (hidden - 0.5) / 2)
    assert 64 <= hidden.shape[1] <= 128
    assert sum(p.numel() for p in network.parameters()) < 1e6  # 2 MB of float16


@pytest.mark.parametrize("role", get_args(Role))
@pytest.mark.parametrize("data", get_args(Data))
def test_pixels_are_standardized_by_channel(data: Data, role: Role) -> None:
    network = untrained_classifier(data, role).eval()
    images = torch.rand(3, *SHAPES[data])
    plain = network(images)
    network.pixel_mean.fill_(0.25)
    network.pixel_std.fill_(0.5)
    # rounding of the pixels, carried through the layers
    assert torch.allclose(network(images * 0.5 + 0.25), plain, atol=1e-5)


@pytest.mark.parametrize("data", get_args(Data))
def test_both_roles_have_different_layers(data: Data) -> None:
    choosing, judging = (
        untrained_classifier(data, "choosing"),
        untrained_classifier(data, "judging"),
    )

    def kernels(network: nn.Module) -> set[torch.Size]:
        return {p.shape for p in network.parameters() if p.ndim == 4}

    assert kernels(choosing) != kernels(judging)
    kinds = [{type(layer) for layer in network.modules()} for network in (choosing, judging)]
    assert nn.GELU in kinds[0] - kinds[1]
    assert nn.MaxPool2d in kinds[1] - kinds[0]


@pytest.mark.parametrize("data", get_args(Data))
def test_a_residual_block_starts_as_the_identity(data: Data) -> None:
    network = untrained_classifier(data, "judging").eval()
    [*_, block] = [part for part in network.modules() if hasattr(part, "shortcut")]
    x = torch.rand(2, block.residual[0][0].in_channels, 4, 4)
    assert torch.equal(block(x), x)
