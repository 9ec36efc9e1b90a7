"""Random convolutions: the same from the same seed, for any shape, on a sensible scale."""

import pytest
import torch

from datamodules import MNIST5k
from networks import RandomConvFeatures


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (4, 50, 17), (1, 1, 1)])
def test_any_shape(shape: tuple[int, int, int]) -> None:
    features = RandomConvFeatures(shape, num_features=7)
    images = torch.rand(2, *shape).requires_grad_()
    values = features(images)
    assert values.shape == (2, 7)
    assert torch.isfinite(values).all()
    values.square().sum().backward()
    assert images.grad is not None
    assert torch.isfinite(images.grad).all()


def test_the_seed_alone_decides() -> None:
    state = torch.random.get_rng_state()
    images = torch.linspace(0, 1, 2 * 28 * 28).reshape(2, 1, 28, 28)
    first = RandomConvFeatures((1, 28, 28), seed=3)(images)
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.rand(5)
    assert torch.equal(RandomConvFeatures((1, 28, 28), seed=3)(images), first)
    assert not torch.equal(RandomConvFeatures((1, 28, 28), seed=4)(images), first)


def test_the_default_precision_has_no_part_in_it() -> None:
    images = torch.linspace(0, 1, 2 * 8 * 8, dtype=torch.float32).reshape(2, 1, 8, 8)
    wanted = RandomConvFeatures((1, 8, 8))(images)
    torch.set_default_dtype(torch.float64)
    try:
        features = RandomConvFeatures((1, 8, 8))
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(features(images), wanted)


def test_nothing_of_it_is_stored() -> None:
    assert RandomConvFeatures((1, 28, 28)).state_dict() == {}
    assert list(RandomConvFeatures((1, 28, 28)).parameters()) == []


def test_digits_lie_near_their_like_on_the_scale_of_one() -> None:
    data = MNIST5k()
    (images, labels), (others, wanted) = data.read(train=True), data.read(train=False)
    features = RandomConvFeatures((1, 28, 28))
    known, asked = features(images / 255), features(others / 255)
    assert 0.3 < known.std(0).mean() < 3  # smooth noise is the yardstick, digits are not far off
    named = labels[torch.cdist(asked, known).argmin(1)]
    assert (named == wanted).float().mean() > 0.9  # 92 % measured, a tenth by chance


def test_empty_features_are_refused() -> None:
    with pytest.raises(ValueError, match="`num_features` must be at least 1, got 0"):
        RandomConvFeatures((1, 28, 28), num_features=0)
    with pytest.raises(ValueError, match="`image_shape` must be"):
        RandomConvFeatures((28, 28))
