"""Augmented images are reproducible by a generator and stay in [0, 1]."""

import pytest
import torch

from benchmarks import augmentation
from benchmarks.augmentation import augmented


@pytest.mark.parametrize("channels", [1, 3])
def test_images_stay_in_their_range_and_depend_on_the_generator(channels: int) -> None:
    images = torch.rand(64, channels, 28, 28, generator=torch.Generator().manual_seed(0))
    first = augmented(images, torch.Generator().manual_seed(1))
    assert first.shape == images.shape
    assert first.min() >= 0
    assert first.max() <= 1
    assert torch.equal(augmented(images, torch.Generator().manual_seed(1)), first)
    assert not torch.equal(augmented(images, torch.Generator().manual_seed(2)), first)


def test_digits_move_by_two_pixels_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augmentation, "SHARE", 0.0)
    monkeypatch.setattr(augmentation, "ROTATION", 0.0)
    monkeypatch.setattr(augmentation, "SCALE", 0.0)
    images = torch.zeros(200, 1, 28, 28)
    images[:, :, 13:15, 13:15] = 1
    moved = augmented(images, torch.Generator().manual_seed(0)).squeeze(1)
    places = torch.arange(28.0) - 13.5
    mass = moved.sum((1, 2))
    assert torch.allclose(mass, torch.full((200,), 4.0), atol=1e-3)  # interpolation keeps sums
    for axis in (1, 2):
        center = (moved.sum(axis) * places).sum(1) / mass
        assert center.abs().max() < 2.01
        assert center.abs().max() > 1.9  # of 200 uniform shifts


def test_color_images_are_mirrored_and_shifted_by_whole_pixels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(augmentation, "SHARE", 0.0)
    image = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0))
    variants = augmented(image.expand(500, -1, -1, -1), torch.Generator().manual_seed(0))
    centers = {tuple(image[:, 2:6, 2:6].flatten().tolist()) for image in variants}
    expected = {
        tuple(version[:, i : i + 4, j : j + 4].flatten().tolist())
        for version in (image, image.flip(2))
        for i in range(5)
        for j in range(5)
    }
    assert centers == expected  # 50 versions, each missed with probability (49 / 50)^500 = 4e-5


def test_a_share_is_blurred_and_a_share_is_noisy() -> None:
    images = torch.full((400, 3, 8, 8), 0.5)  # neither mirroring nor blurring changes it
    changed = augmented(images, torch.Generator().manual_seed(0)) != images
    noisy = changed.flatten(1).any(1).float().mean()
    assert noisy == pytest.approx(0.25, abs=0.1)  # standard error 2.2 %
    images[:, :, ::2] = 0.0
    stripes = augmented(images, torch.Generator().manual_seed(0))[:, :, 3:5].amax((1, 2, 3))
    assert (stripes < 0.45).float().mean() == pytest.approx(0.25 * 0.75, abs=0.08)
