"""What decoders return, as images of Pillow: tensors, arrays, images, bytes and floats."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from hawc.sheets.conversion import as_image, opaque
from tests.hawc.sheets.rows import colors

ORANGE = (255, 128, 0)


def filled(kind: str, height: int = 5, width: int = 7) -> Any:
    array = np.broadcast_to(np.uint8(ORANGE), (height, width, 3)).copy()
    tensor = torch.from_numpy(array).permute(2, 0, 1) / 255
    return {
        "tensor": tensor,
        "half": tensor.half(),
        "bfloat16 with gradient": tensor.bfloat16().requires_grad_(),
        "bytes": array,
        "floats": array / 255,
        "channels first": array.transpose(2, 0, 1),
        "batch of one": tensor[None],
        "list of one": [Image.fromarray(array)],
        "image": Image.fromarray(array),
        "overshooting": (tensor - 0.5) * 1.2 + 0.5,
    }[kind]


@pytest.mark.parametrize(
    "kind",
    [
        *("tensor", "half", "bfloat16 with gradient", "bytes", "floats", "channels first"),
        *("batch of one", "list of one", "image", "overshooting"),
    ],
)
def test_kinds_of_images(kind: str) -> None:
    image = as_image(filled(kind))
    assert (image.mode, image.size) == ("RGB", (7, 5))
    (color,) = colors(image)
    assert np.abs(np.subtract(color, ORANGE)).max() <= 1


def test_axes_that_could_both_be_channels_follow_the_kind() -> None:
    assert as_image(torch.zeros(3, 5, 3)).size == (3, 5)
    assert as_image(np.zeros((5, 3, 3))).size == (3, 5)
    assert as_image(np.zeros((3, 5, 3))).size == (5, 3)


@pytest.mark.parametrize("shape", [(4, 6), (1, 4, 6), (4, 6, 1)])
def test_gray_images(shape: tuple[int, ...]) -> None:
    assert colors(as_image(np.ones(shape))) == {(255, 255, 255)}
    assert colors(as_image(np.ones(shape, dtype=bool))) == {(255, 255, 255)}
    assert colors(as_image(np.full(shape, np.nan))) == {(128, 128, 128)}


def test_transparent_parts_are_white() -> None:
    assert colors(as_image(np.zeros((4, 2, 3)))) == {(0, 0, 0)}  # channels first, alpha 0 below
    clear = np.zeros((5, 6, 4), dtype=np.uint8)
    assert colors(as_image(clear)) == {(255, 255, 255)}
    assert colors(opaque(Image.new("LA", (2, 2), (0, 255)))) == {(0, 0, 0)}


def test_sixteen_bits_are_scaled() -> None:
    image = Image.fromarray(np.full((3, 3), 128 * 257, dtype=np.uint16))
    assert colors(opaque(image)) == {(128, 128, 128)}


@pytest.mark.parametrize(
    ("value", "given"),
    [
        (torch.zeros(2, 5, 5), r"shape \(2, 5, 5\)"),
        (np.zeros((0, 3)), r"shape \(0, 3\)"),
        (torch.zeros(7), r"shape \(7,\)"),
        ("image.png", "a str"),
        ([[1], [1, 2]], "a list"),
        (None, "a NoneType"),
    ],
)
def test_other_values_are_refused(value: Any, given: str) -> None:
    with pytest.raises(ValueError, match=f"`decode` must return images, .* got {given}"):
        as_image(value)


def test_images_in_another_range_are_refused() -> None:
    with pytest.raises(ValueError, match=r"floats in \[0, 1\] or bytes, got values from -1 to 1"):
        as_image(torch.linspace(-1, 1, 48).reshape(3, 4, 4))
    with pytest.raises(ValueError, match=r"got values from 0 to 255; rescale the images"):
        as_image(np.linspace(0, 255, 48).reshape(4, 4, 3))
