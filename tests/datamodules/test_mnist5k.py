"""The embedded digits."""

import torch

from datamodules import MNIST5k


def test_split_sizes_and_ranges() -> None:
    data = MNIST5k(batch_size=50)
    data.prepare_data()
    images, labels = data.read(train=True)
    test_images, test_labels = data.read(train=False)
    assert images.shape == (4500, *data.image_shape)
    assert test_images.shape == (500, *data.image_shape)
    assert images.dtype == torch.uint8
    assert images.max() == 255
    assert torch.equal(labels.bincount(), torch.full((10,), 450))
    assert torch.equal(test_labels.bincount(), torch.full((10,), 50))


def test_no_test_image_is_a_training_image() -> None:
    data = MNIST5k()
    train, test = (data.read(train=flag)[0].flatten(1) for flag in (True, False))
    assert torch.cdist(test.float(), train.float()).min() > 0


def test_images_are_upright_digits() -> None:
    """A one is a vertical stroke: its ink varies more across columns than across rows."""
    images, labels = MNIST5k().read(train=True)
    ones = images[labels == 1].float().mean((0, 1))
    assert ones.sum(0).std() > 1.5 * ones.sum(1).std()
