"""Random convolutions: reproducible from the seed, for any shape, on the scale of 1."""

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


def test_features_depend_on_the_seed_alone() -> None:
    state = torch.random.get_rng_state()
    images = torch.linspace(0, 1, 2 * 28 * 28).reshape(2, 1, 28, 28)
    first = RandomConvFeatures((1, 28, 28), seed=3)(images)
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.rand(5)
    assert torch.equal(RandomConvFeatures((1, 28, 28), seed=3)(images), first)
    assert not torch.equal(RandomConvFeatures((1, 28, 28), seed=4)(images), first)


def test_features_do_not_depend_on_the_default_precision() -> None:
    images = torch.linspace(0, 1, 2 * 8 * 8, dtype=torch.float32).reshape(2, 1, 8, 8)
    expected = RandomConvFeatures((1, 8, 8))(images)
    torch.set_default_dtype(torch.float64)
    try:
        features = RandomConvFeatures((1, 8, 8))
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(features(images), expected)


def test_state_dicts_and_optimizers_get_no_weights() -> None:
    assert RandomConvFeatures((1, 28, 28)).state_dict() == {}
    assert list(RandomConvFeatures((1, 28, 28)).parameters()) == []


def test_nearest_neighbours_of_digits_are_of_their_class() -> None:
    data = MNIST5k()
    (images, labels), (others, expected) = data.read(train=True), data.read(train=False)
    features = RandomConvFeatures((1, 28, 28))
    reference, queries = features(images / 255), features(others / 255)
    assert 0.3 < reference.std(0).mean() < 3  # 1 for smooth noise
    classes = labels[torch.cdist(queries, reference).argmin(1)]
    assert (classes == expected).float().mean() > 0.9  # 92 % measured, a tenth by chance


def test_empty_features_are_refused() -> None:
    with pytest.raises(ValueError, match="`num_features` must be at least 1, got 0"):
        RandomConvFeatures((1, 28, 28), num_features=0)
    with pytest.raises(ValueError, match="`image_shape` must be"):
        RandomConvFeatures((28, 28))
