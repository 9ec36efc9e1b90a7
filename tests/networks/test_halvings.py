"""Which sides can be halved, and how often."""

import pytest

from networks.halvings import count_halvings


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        ((8, 8), (1, (4, 4))),
        ((28, 28), (2, (7, 7))),
        ((32, 32), (3, (4, 4))),
        ((48, 56), (3, (6, 7))),
        ((64, 64), (4, (4, 4))),
    ],
)
def test_sides_are_halved_to_between_4_and_7(
    sides: tuple[int, int], expected: tuple[int, tuple[int, int]]
) -> None:
    assert count_halvings((3, *sides)) == expected


@pytest.mark.parametrize("sides", [(9, 9), (31, 32), (3, 3), (4, 4), (36, 36), (8, 64)])
def test_other_sides_are_refused(sides: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"`image_shape` must have sides .* 28, 32, 48 or 64, got"):
        count_halvings((3, *sides))


def test_rows_of_a_table_are_no_picture() -> None:
    message = r"`image_shape` must be \(channels, height, width\) .*, got \(2,\); .*MLPEncoder"
    with pytest.raises(ValueError, match=message):
        count_halvings((2,))
