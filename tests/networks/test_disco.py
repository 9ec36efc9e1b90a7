"""DiscoGAN's networks: numbers of parameters, features of hidden layers, refused sizes."""

import pytest
import torch
from torch import Tensor, nn

from networks import DiscoCritic, DiscoTranslator

CONVOLUTIONS = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512)
NORMS_DOWN = 2 * (128 + 256 + 512)
NORMS_UP = 2 * (256 + 128 + 64)


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_translator_has_the_authors_size() -> None:
    network = DiscoTranslator((3, 64, 64))
    assert count(network) == 2 * CONVOLUTIONS + NORMS_DOWN + NORMS_UP == 5_513_856
    assert network(torch.zeros(2, 3, 64, 64)).shape == (2, 3, 64, 64)


def test_bottleneck_adds_two_convolutions_and_their_norms() -> None:
    network = DiscoTranslator((3, 64, 64), bottleneck=100)
    assert count(network) == 5_513_856 + 2 * 512 * 100 * 16 + 2 * (100 + 512) == 7_153_480
    assert network(torch.zeros(2, 3, 64, 64)).shape == (2, 3, 64, 64)
    (vector,) = [layer for layer in network if isinstance(layer, nn.BatchNorm2d)][:1]
    assert vector.num_features == 100


def test_critic_has_the_authors_size() -> None:
    network = DiscoCritic((3, 64, 64))
    assert count(network) == CONVOLUTIONS + NORMS_DOWN + 512 * 16 == 2_765_568
    assert network(torch.zeros(2, 3, 64, 64)).shape == (2, 1)


def test_critic_returns_the_features_of_levels_two_to_four() -> None:
    network = DiscoCritic((3, 64, 64), width=8).eval()
    images = torch.randn(2, 3, 64, 64)
    scores, features = network.scores_and_features(images)
    assert [tuple(f.shape[1:]) for f in features] == [(16, 16, 16), (32, 8, 8), (64, 4, 4)]
    assert torch.equal(scores, network(images))
    assert torch.equal(scores, network.last(features[-1]).flatten(1))
    first_two = network.levels[1](network.levels[0](images))
    assert torch.equal(features[0], first_two)


def test_features_carry_gradients() -> None:
    images = torch.randn(2, 3, 32, 32, requires_grad=True)
    _, features = DiscoCritic((3, 32, 32), width=4).scores_and_features(images)
    sum(f.mean() for f in features).backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0


@pytest.mark.parametrize("shape", [(1, 32, 32), (3, 48, 80)])
@pytest.mark.parametrize("bottleneck", [None, 5])
def test_other_multiples_of_sixteen(shape: tuple[int, int, int], bottleneck: int | None) -> None:
    images = torch.zeros(2, *shape)
    assert DiscoTranslator(shape, 4, bottleneck)(images).shape == images.shape
    assert DiscoCritic(shape, 1, 4)(images).shape == (2, 1)


def test_no_norm_next_to_the_images() -> None:
    def has_norm(module: nn.Module) -> bool:
        return any(isinstance(layer, nn.BatchNorm2d) for layer in module.modules())

    levels = DiscoCritic((3, 32, 32)).levels
    assert [has_norm(level) for level in levels] == [False, True, True, True]
    *_, last = DiscoTranslator((3, 32, 32))
    assert isinstance(last, nn.ConvTranspose2d)


def test_a_translation_depends_on_its_image() -> None:
    network = DiscoTranslator((3, 32, 32), 4).eval()

    def translation(level: float) -> Tensor:
        return network(torch.full((1, 3, 32, 32), level))

    assert not torch.allclose(translation(0.5), translation(-0.5))


@pytest.mark.parametrize("network", [DiscoTranslator, DiscoCritic])
@pytest.mark.parametrize("shape", [(3, 28, 32), (3, 32, 40)])
def test_other_sizes_are_refused(network: type[DiscoCritic], shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"sides that are multiples of 16, .* 64, got \(3, "):
        network(shape)


def test_wrong_widths() -> None:
    with pytest.raises(ValueError, match="`width` must be at least 1, got 0; 64 and 128"):
        DiscoCritic((3, 32, 32), width=0)
    with pytest.raises(ValueError, match="`bottleneck` must be at least 1 or null, got 0"):
        DiscoTranslator((3, 32, 32), bottleneck=0)
