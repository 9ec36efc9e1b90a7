"""Feature networks are frozen: optimizers, checkpoints and training mode do not change them."""

from collections.abc import Callable
from typing import final

import pytest
import torch
from jaxtyping import Float
from lightning import LightningModule
from torch import Tensor, nn
from torchmetrics import Metric

from networks.frozen_features import AbstractFrozenFeatures, make_constant


@final
class TinyFeatures(AbstractFrozenFeatures):
    def __init__(self, resize: bool = False) -> None:
        network = nn.Sequential(
            *(nn.Conv2d(3, 2, 3, bias=False), nn.BatchNorm2d(2)),
            *(nn.Dropout(), nn.Flatten(), nn.Linear(2 * 6 * 6, 5)),
        )
        super().__init__(network, (3, 8, 8), resize)

    def extract(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n f"]:
        return self.network(images)


class Model(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.own = nn.Linear(2, 3)
        self.features = TinyFeatures()


class TotalFeatures(Metric):
    def __init__(self) -> None:
        super().__init__()
        self.features = TinyFeatures()
        self.add_state("total", torch.zeros(()), dist_reduce_fx="sum", persistent=True)

    def update(self, images: Tensor) -> None:
        self.total += self.features(images).sum()

    def compute(self) -> Tensor:
        return self.total


def random_images(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def test_no_weight_is_a_parameter_or_in_a_state_dict() -> None:
    model, network = Model(), nn.Linear(2, 3)
    assert set(model.state_dict()) == {"own.weight", "own.bias"}
    assert list(model.features.parameters()) == []
    weight = network.weight
    make_constant(network)
    assert torch.equal(network(torch.eye(2)), torch.eye(2) @ weight.T + network.bias)
    network.requires_grad_(True)
    assert not network.weight.requires_grad


def test_a_weight_of_two_names_is_constant_under_both() -> None:
    network = nn.Linear(2, 2)
    network.register_parameter("again", network.weight)
    network.register_buffer("steps", torch.zeros(()))
    network.register_buffer("counted", network.steps)
    make_constant(network)
    assert list(network.parameters()) == []
    assert network.state_dict() == {}
    assert torch.equal(network.again, network.weight)


def test_state_of_model_and_metric_loads_strictly_and_leaves_the_network() -> None:
    model, other = Model(), Model()
    before = other.features(random_images(4, 3, 8, 8))
    other.load_state_dict(model.state_dict())
    assert torch.equal(other.own.weight, model.own.weight)
    assert torch.equal(other.features(random_images(4, 3, 8, 8)), before)
    metric, fresh = TotalFeatures(), TotalFeatures()
    metric.update(random_images(4, 3, 8, 8))
    assert set(metric.state_dict()) == {"total"}
    fresh.load_state_dict(metric.state_dict())
    assert fresh.total == metric.total


def test_training_mode_never_reaches_it() -> None:
    model = Model().train()
    assert model.training
    assert not any(part.training for part in model.features.modules())
    first = model.features(random_images(4, 3, 8, 8))  # dropout and batch statistics would differ
    assert torch.equal(model.features(random_images(4, 3, 8, 8))[:2], first[:2])
    assert torch.allclose(model.features(random_images(4, 3, 8, 8)[:1]), first[:1], atol=1e-6)


def test_gradients_reach_the_images() -> None:
    images = random_images(2, 3, 8, 8).double().requires_grad_()
    features = TinyFeatures().double()
    assert torch.autograd.gradcheck(features, images)


def test_it_moves_with_the_module_around_it() -> None:
    model = Model().to(torch.float64)
    assert model.features(random_images(2, 3, 8, 8)).dtype == torch.float64


def test_autocast_leaves_full_precision() -> None:
    features = TinyFeatures()
    wanted = features(random_images(2, 3, 8, 8))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(features(random_images(2, 3, 8, 8)), wanted)
        assert features(random_images(2, 3, 8, 8).bfloat16()).dtype == torch.float32


def test_gray_is_repeated_over_channels() -> None:
    features, gray = TinyFeatures(), random_images(2, 1, 8, 8)
    assert torch.equal(features(gray), features(gray.repeat(1, 3, 1, 1)))


def test_other_sizes_are_resized_only_when_asked() -> None:
    with pytest.raises(ValueError, match=r"`images` must be 8 x 8 .* got 9 x 7; set `resize`"):
        TinyFeatures()(random_images(2, 3, 9, 7))
    images = torch.full((2, 3, 31, 9), 0.25).requires_grad_()
    features = TinyFeatures(resize=True)
    # resizing keeps constant images constant
    assert torch.allclose(features(images), features(torch.full((2, 3, 8, 8), 0.25)), atol=1e-6)
    features(images).sum().backward()
    assert images.grad is not None
    assert images.grad.abs().min() > 0


@pytest.mark.parametrize("shape", [(2, 4, 8, 8), (2, 2, 8, 8), (3, 8, 8), (2, 192)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"`images` must be \(n, 3, height, width\).*mean\(1, "):
        TinyFeatures(resize=True)(torch.zeros(shape))


def test_whole_numbers_are_refused() -> None:
    with pytest.raises(TypeError, match=r"`images` must be floating-point .* torch.uint8; divide"):
        TinyFeatures()(torch.zeros(2, 3, 8, 8, dtype=torch.uint8))


def test_no_images_have_no_features() -> None:
    assert TinyFeatures()(torch.zeros(0, 3, 8, 8)).shape == (0, 5)


@pytest.mark.parametrize(
    "change",
    [lambda x: 2 * x - 1, lambda x: 255 * x, lambda x: x - 0.5],
    ids=["-1 to 1", "0 to 255", "-0.5 to 0.5"],
)
def test_images_in_another_range_are_refused(change: Callable[[Tensor], Tensor]) -> None:
    with pytest.raises(ValueError, match=r"`images` must be in \[0, 1\], got .* by x / 255"):
        TinyFeatures()(change(random_images(4, 3, 8, 8)))


def test_images_slightly_beyond_the_range_are_not() -> None:
    assert TinyFeatures()(1.2 * random_images(4, 3, 8, 8) - 0.1).isfinite().all()


@pytest.mark.parametrize("channels", [1, 3])
def test_a_network_that_works_in_place_alters_no_image_of_the_caller(channels: int) -> None:
    features = TinyFeatures()
    features.network.insert(0, nn.Threshold(0.5, 0.0, inplace=True))
    images = random_images(4, channels, 8, 8)
    before = images.clone()
    features(images)
    assert torch.equal(images, before)
