"""Functions that need no package: shading, eight bits, and the message for missing ones."""

import pytest
import torch

from benchmarks.pretrained_packages import as_eight_bits, check_packages, shaded


def test_a_plane_is_lit_evenly_and_shows_its_height() -> None:
    column = torch.arange(5.0)[None, None].expand(1, 5, 5) / 20
    (image,) = shaded(column)
    light = (1 - 1) / (3 * 2) ** 0.5  # no light at slope 1
    assert image.shape == (1, 5, 5)
    torch.testing.assert_close(image[0, 2], (torch.linspace(0, 1, 5) + light) / 2)
    (other,) = shaded(-column)
    bright = 2 / 6**0.5
    torch.testing.assert_close(other[0, 2], (torch.linspace(1, 0, 5) + bright) / 2)


def test_flat_terrain_is_finite() -> None:
    torch.testing.assert_close(shaded(torch.ones(2, 4, 4)), torch.full((2, 1, 4, 4), 0.5 / 3**0.5))


def test_images_have_256_values() -> None:
    images = as_eight_bits(torch.tensor([-1.0, 0.5, 0.501, 2.0]))
    assert torch.equal(images * 255, torch.tensor([0.0, 128.0, 128.0, 255.0]))


def test_missing_packages_are_named_with_the_command() -> None:
    required = {"torch": "", "no-such-package-hawc": "1.0", "numpy": "0.0.1"}
    match = r"needs no-such-package-hawc==1\.0, numpy==0\.0\.1: .*uv sync --group pretrained"
    with pytest.raises(SystemExit, match=match):
        check_packages(required)
    check_packages({"torch": ""})
