"""Networks of digits, clothes and objects: features on one scale, logits, roles, gradients."""

import pytest
import torch
from jsonargparse import ArgumentParser
from torch import nn

from datamodules import MNIST5k
from networks import ClothesFeatures, DigitFeatures, ObjectFeatures
from networks.trained_features import AbstractTrainedFeatures

NETWORKS = [DigitFeatures, ClothesFeatures, ObjectFeatures]


@pytest.mark.parametrize("role", ["choosing", "judging"])
@pytest.mark.parametrize("network", NETWORKS)
def test_gradients_of_features_and_logits_reach_the_images(
    network: type[AbstractTrainedFeatures], role: str
) -> None:
    features = network(role)
    for output in (features, features.classify):
        images = torch.rand(3, *network.shape).requires_grad_()
        output(images).square().sum().backward()
        assert images.grad is not None
        assert (images.grad.flatten(1).abs().sum(1) > 0).all()
    assert features.classify(images).shape == (3, 10)
    assert features.state_dict() == {}
    assert features.role == role


@pytest.mark.parametrize("role", ["choosing", "judging"])
def test_features_are_standardized_on_training_images(role: str) -> None:
    values = DigitFeatures(role)(MNIST5k().read(train=True)[0] / 255)
    # 4,500 of the 60,000 training digits: means of their deviation / 67, and other digits' shares
    assert values.mean(0).abs().max() < 0.2
    assert ((values.std(0) > 0.8) & (values.std(0) < 1.2)).all()


def test_logits_and_features_take_the_same_images() -> None:
    features = DigitFeatures("judging", resize=True)
    small = torch.rand(2, 1, 14, 14)
    hidden = features(small) * features.network.feature_std + features.network.feature_mean
    assert torch.allclose(features.network.head(hidden), features.classify(small), atol=1e-4)
    with torch.autocast("cpu", torch.bfloat16):
        assert features.classify(small).dtype == torch.float32
    with pytest.raises(ValueError, match="`images` must be 28 x 28 for DigitFeatures, got 14 x 14"):
        DigitFeatures("judging").classify(small)
    with pytest.raises(ValueError, match=r"`images` must be \(n, 1, height, width\) for Digit"):
        DigitFeatures("judging").classify(torch.zeros(2, 3, 28, 28))


@pytest.mark.usefixtures("no_shape_checks")
def test_another_role_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"`role` must be one of \('choosing', 'judging'\), got 'b"
    ):
        DigitFeatures("both")


def test_yaml_names_network_and_role() -> None:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--network", type=nn.Module)
    arguments = ["--network", "networks.DigitFeatures", "--network.role", "choosing"]
    network = parser.instantiate(parser.parse_args(arguments)).network
    assert isinstance(network, DigitFeatures)
    assert network.role == "choosing"
    with pytest.raises(Exception, match="choosing"):
        parser.parse_args([*arguments[:3], "both"])
