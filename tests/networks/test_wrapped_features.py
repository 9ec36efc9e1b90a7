"""Any network can be wrapped as a feature network; unsuitable ones are refused."""

import pytest
import torch
from torch import nn
from torchvision.models import resnet18

from networks import WrappedFeatures


def test_a_network_of_torchvision_without_its_last_layer() -> None:
    network = resnet18(weights=None)
    network.fc = nn.Identity()
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    features = WrappedFeatures(network, (3, 32, 32), mean, std, resize=True)
    images = torch.rand(2, 1, 28, 28).requires_grad_()
    values = features(images)
    assert values.shape == (2, 512)
    gray = nn.functional.interpolate(images, (32, 32), mode="bilinear", antialias=True)
    standardized = (gray - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    # rounding of a network of 18 layers
    assert torch.allclose(values, network.eval()(standardized), atol=1e-4)
    values.sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0


def test_the_wrapped_network_itself_does_not_change() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    features = WrappedFeatures(network, (1, 2, 2))
    before = features(torch.ones(1, 1, 2, 2))
    assert network.training
    assert len(list(network.parameters())) == 2
    nn.init.zeros_(network[1].weight)
    assert torch.equal(features(torch.ones(1, 1, 2, 2)), before)
    assert features.state_dict() == {}


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_images_take_the_precision_of_the_network(dtype: torch.dtype) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3)).to(dtype)
    assert WrappedFeatures(network, (1, 2, 2))(torch.ones(1, 1, 2, 2)).dtype == dtype


def test_buffers_are_on_the_device_of_the_network() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3)).to("meta")
    features = WrappedFeatures(network, (1, 2, 2), mean=(0.5,))
    assert {buffer.device.type for buffer in features.buffers()} == {"meta"}


def test_normalization_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`mean` must have one value for all 3 channels or one"):
        WrappedFeatures(nn.Flatten(), (3, 2, 2), mean=(0.5, 0.5))
    with pytest.raises(ValueError, match=r"`std` must be > 0, got .*; 1 does not change"):
        WrappedFeatures(nn.Flatten(), (1, 2, 2), std=(0.0,))


def test_networks_that_return_no_vectors_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"`network` must return features \(n, f\), got \(2, 1, 2, 2"
    ):
        WrappedFeatures(nn.Identity(), (1, 2, 2))(torch.zeros(2, 1, 2, 2))
    with pytest.raises(ValueError, match=r"got tuple; end it with nn.Flatten\(\) or replace"):
        WrappedFeatures(nn.MaxPool2d(2, return_indices=True), (1, 2, 2))(torch.zeros(2, 1, 2, 2))


def test_programs_and_frozen_scripts_are_networks_too() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.Dropout()).eval()
    images = torch.rand(5, 1, 2, 2)
    shapes = ({0: torch.export.Dim("n", min=2)},)
    program = torch.export.export(network, (images,), dynamic_shapes=shapes).module()
    script = torch.jit.freeze(torch.jit.script(network))
    for wrapped in (program, nn.Sequential(nn.Dropout(), program), script):
        features = WrappedFeatures(wrapped, (1, 2, 2)).train()
        torch.testing.assert_close(features(images), network(images))
        assert list(features.parameters()) == []
        assert features.state_dict() == {}


def test_weights_that_cannot_be_frozen_are_refused() -> None:
    script = torch.jit.script(nn.Sequential(nn.Flatten(), nn.Linear(4, 3)))
    with pytest.raises(
        ValueError, match=r"`network` must have weights that can be frozen, got .*Script"
    ):
        WrappedFeatures(script, (1, 2, 2))
