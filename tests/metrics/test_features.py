import pytest
import torch
from torch import Tensor, nn

from metrics import GrayToRGB, extract_features
from tests.metrics.sets import NUM_FEATURES, TinyNet

IMAGES = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def test_the_network_runs_in_eval_mode_without_gradients_and_does_not_change() -> None:
    network = TinyNet().train()
    network.conv.eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    features = extract_features(network, IMAGES)
    assert not features.requires_grad
    assert network.training
    assert network.norm.training
    assert not network.conv.training
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert torch.equal(features, network.eval()(IMAGES))


def test_modes_are_restored_after_an_error() -> None:
    network = TinyNet(3).train()
    with pytest.raises(ValueError, match="3 channels"):
        extract_features(network, IMAGES)
    assert network.norm.training


def test_any_callable_is_a_network_and_none_means_features() -> None:
    assert torch.equal(extract_features(lambda x: x.flatten(1), IMAGES), IMAGES.flatten(1))
    assert torch.equal(extract_features(None, IMAGES[:, 0, 0] - 9), IMAGES[:, 0, 0] - 9)


def test_many_images_go_through_the_network_in_parts() -> None:
    sizes = []

    def network(images: Tensor) -> Tensor:
        sizes.append(len(images))
        return images.flatten(1)

    images = torch.rand(300, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    assert torch.equal(extract_features(network, images), images.flatten(1))
    assert sizes == [256, 44]


def test_half_precision_and_autocast_do_not_reach_the_network() -> None:
    network = TinyNet().eval()
    expected = extract_features(network, IMAGES.half().float())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        features = extract_features(network, IMAGES.half())
    assert features.dtype == torch.float32
    assert torch.equal(features, expected)


def test_bytes_are_refused() -> None:
    with pytest.raises(TypeError, match=r"`images` must be floating .* got torch.uint8; divide"):
        extract_features(TinyNet(), (IMAGES * 255).byte())


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.0, 255.0)])
def test_images_on_another_scale_are_refused(low: float, high: float) -> None:
    images = IMAGES.clone()
    images[0, 0, 0, :2] = torch.tensor([low, high])
    with pytest.raises(ValueError, match=rf"in \[0, 1\], got {low:.4g} .*to {high:.4g}; rescale"):
        extract_features(TinyNet(), images)


def test_rounding_beyond_the_range_is_accepted() -> None:
    assert extract_features(TinyNet(), IMAGES * 2e-6 + (1 - 1e-6)).shape == (5, NUM_FEATURES)


@pytest.mark.parametrize("network", [nn.Identity(), lambda x: x.sum(), lambda x: x.flatten(1)[:3]])
def test_features_of_another_shape_are_refused(network: nn.Module) -> None:
    with pytest.raises(
        ValueError, match=r"`feature_network` must give features \(n, f\).*flatten or"
    ):
        extract_features(network, IMAGES)


def test_images_given_as_features_are_refused() -> None:
    with pytest.raises(ValueError, match=r"no `feature_network` was given, must .* \(5, 1, 8, 8\)"):
        extract_features(None, IMAGES)
    with pytest.raises(ValueError, match=r"got shape \(5, 0\)"):
        extract_features(None, torch.zeros(5, 0))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_features_that_are_not_finite_are_refused(value: float) -> None:
    features = torch.zeros(5, 2)
    features[1] = value
    with pytest.raises(ValueError, match=r"finite, got NaN or infinity for 1 of 5 images; look"):
        extract_features(None, features)


def test_another_number_of_channels_is_refused_with_a_remedy() -> None:
    with pytest.raises(ValueError, match=r"images of 1 channels.*`metrics.GrayToRGB\("):
        extract_features(TinyNet(3), IMAGES)
    assert extract_features(GrayToRGB(TinyNet(3)), IMAGES).shape == (5, NUM_FEATURES)


def test_other_errors_of_a_network_pass_unchanged() -> None:
    def fail(images: Tensor) -> Tensor:
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        extract_features(fail, IMAGES)


def test_a_network_that_works_in_place_alters_no_image_of_the_caller() -> None:
    network = nn.Sequential(nn.Threshold(0.5, 0.0, inplace=True), nn.Flatten())
    images = IMAGES.clone()
    for wrapped, channels in ((network, 1), (GrayToRGB(network), 3)):
        features = extract_features(wrapped, images)
        assert torch.equal(images, IMAGES)
        assert torch.equal(features, (IMAGES * (IMAGES > 0.5)).flatten(1).repeat(1, channels))


def test_features_are_copied() -> None:
    original = torch.ones(3, 2, requires_grad=True)
    features = extract_features(None, original)
    with torch.no_grad():
        original.zero_()
    assert torch.equal(features, torch.ones(3, 2))
    assert not features.requires_grad


def test_an_exported_program_is_a_network() -> None:
    network = TinyNet().eval()
    shapes = ({0: torch.export.Dim("n", min=2)},)
    program = torch.export.export(network, (IMAGES,), dynamic_shapes=shapes).module()
    for exported in (program, nn.Sequential(program, nn.Dropout())):
        # another order of sums than in the module
        torch.testing.assert_close(
            extract_features(exported, IMAGES), extract_features(network, IMAGES)
        )
