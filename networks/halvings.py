"""Sides of images that networks halve or double."""

from networks.image_sizes import checked_image_shape

__all__ = ["halved_sides"]

_SMALLEST_SIDE = 4  # a side is halved while the half is an even split and no smaller

Sides = tuple[int, int]


def halved_sides(image_shape: tuple[int, ...], num_halvings: int | None = None) -> list[Sides]:
    """Returns the sides of a image before and after each halving.

    Args:
        image_shape: (channels, height, width).
        num_halvings: how often, at least 1, odd sides rounded down; if None as often as it leaves
            no remainder and sides of 4 to 7 pixels.

    Raises:
        ValueError: if it is no image's or the sides cannot be halved so.
    """
    sides = checked_image_shape(image_shape)[1:]
    if num_halvings is None:
        return _even_halves(sides, image_shape)
    if num_halvings < 1 or min(sides) >> num_halvings < 1:
        most = min(sides).bit_length() - 1
        raise ValueError(
            f"`num_halvings` must be from 1 to {most} for {image_shape[-2]} x {image_shape[-1]} "
            f"pixels, got {num_halvings}; the smallest sides must be 1 pixel at least."
        )
    return [(sides[0] >> level, sides[1] >> level) for level in range(num_halvings + 1)]


def _even_halves(sides: Sides, image_shape: tuple[int, ...]) -> list[Sides]:
    found = [sides]
    while all(side % 2 == 0 and side // 2 >= _SMALLEST_SIDE for side in found[-1]):
        found.append((found[-1][0] // 2, found[-1][1] // 2))
    if len(found) == 1 or max(found[-1]) >= 2 * _SMALLEST_SIDE:
        raise ValueError(
            "`image_shape` must have sides that are 4, 5, 6 or 7 times the same power of two, 2 at "
            f"least, such as 28, 32, 48 or 64, got {tuple(image_shape)}; resize the images or "
            "take CWAEEncoder and CWAEDecoder (even sides) or MLPEncoder and MLPDecoder (any)."
        )
    return found
