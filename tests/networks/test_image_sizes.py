"""Shapes of images are checked by every convolutional network; sides are halved."""

import pytest
from torch import nn

import networks
from networks.image_sizes import checked_image_shape, halved_sides

CONVOLUTIONAL = [
    name
    for name in networks.__all__
    if not name.startswith("MLP") and not name.endswith("Features")
]


def test_images_pass() -> None:
    assert checked_image_shape((3, 4, 5)) == (3, 4, 5)


@pytest.mark.parametrize("shape", [(13,), (28, 28), (2, 1, 28, 28)])
@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_anything_else_is_refused(name: str, shape: tuple[int, ...]) -> None:
    network: type[nn.Module] = getattr(networks, name)
    message = r"`image_shape` must be \(channels, height, width\) .* got \(.*table take MLPEncoder"
    with pytest.raises(ValueError, match=message):
        network(shape, 2)


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        ((8, 8), [(8, 8), (4, 4)]),
        ((28, 28), [(28, 28), (14, 14), (7, 7)]),
        ((32, 32), [(32, 32), (16, 16), (8, 8), (4, 4)]),
        ((48, 56), [(48, 56), (24, 28), (12, 14), (6, 7)]),
        ((64, 64), [(64, 64), (32, 32), (16, 16), (8, 8), (4, 4)]),
    ],
)
def test_sides_are_halved_to_between_4_and_7(
    sides: tuple[int, int], expected: list[tuple[int, int]]
) -> None:
    assert halved_sides((3, *sides)) == expected


@pytest.mark.parametrize("sides", [(9, 9), (31, 32), (3, 3), (4, 4), (36, 36), (8, 64)])
def test_other_sides_are_refused(sides: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"`image_shape` must have sides .* 28, 32, 48 or 64, got"):
        halved_sides((3, *sides))


def test_odd_sides_are_rounded_down_on_request() -> None:
    assert halved_sides((1, 28, 31), 3) == [(28, 31), (14, 15), (7, 7), (3, 3)]
    assert halved_sides((1, 9, 9), 1) == [(9, 9), (4, 4)]


@pytest.mark.parametrize("count", [0, -1, 5])
def test_sides_of_less_than_a_pixel_are_refused(count: int) -> None:
    message = rf"`num_halvings` must be from 1 to 4 for 28 x 30 pixels, got {count}; the smallest"
    with pytest.raises(ValueError, match=message):
        halved_sides((1, 28, 30), count)
