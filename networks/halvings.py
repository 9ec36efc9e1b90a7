"""Sides of pictures that networks halve or double."""

from networks.picture_shape import checked_picture_shape

__all__ = ["count_halvings"]

_SMALLEST_SIDE = 4  # a side is halved while the half is an even split and no smaller


def count_halvings(image_shape: tuple[int, ...]) -> tuple[int, tuple[int, int]]:
    """Returns how often both sides can be halved, and the smallest sides reached, 4 to 7 pixels.

    Args:
        image_shape: (channels, height, width).

    Raises:
        ValueError: if it is no picture's or the sides cannot be halved to between 4 and 7 pixels.
    """
    _, height, breadth = checked_picture_shape(image_shape)
    count = 0
    while height % 2 == 0 and breadth % 2 == 0 and min(height, breadth) // 2 >= _SMALLEST_SIDE:
        height, breadth, count = height // 2, breadth // 2, count + 1
    if count == 0 or max(height, breadth) >= 2 * _SMALLEST_SIDE:
        raise ValueError(
            "`image_shape` must have sides that are 4, 5, 6 or 7 times the same power of two, 2 at "
            f"least, such as 28, 32, 48 or 64, got {tuple(image_shape)}; resize the pictures or "
            "take CWAEEncoder and CWAEDecoder (even sides) or MLPEncoder and MLPDecoder (any)."
        )
    return count, (height, breadth)
