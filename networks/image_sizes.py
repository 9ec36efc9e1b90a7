"""Sizes of images and layers, checked; sides that networks halve or double."""

__all__ = ["check_width", "checked_image_shape", "halved_sides"]

_SMALLEST_SIDE = 4  # an even side is halved while its half is at least this

Sides = tuple[int, int]


def check_width(width: int) -> None:
    """Raises ValueError unless a layer has at least one filter."""
    if width < 1:
        raise ValueError(f"`width` must be at least 1, got {width}; 64 and 128 are usual.")


def checked_image_shape(image_shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Returns the shape of an image as (channels, height, width).

    Raises:
        ValueError: if it has not three numbers, such as that of a table's row.
    """
    if len(image_shape) != 3:
        raise ValueError(
            "`image_shape` must be (channels, height, width) for a convolutional network, got "
            f"{tuple(image_shape)}; for rows of a table take MLPEncoder and MLPDecoder."
        )
    channels, height, width = image_shape
    return channels, height, width


def halved_sides(image_shape: tuple[int, ...], num_halvings: int | None = None) -> list[Sides]:
    """Returns the sides of an image before and after each halving.

    Args:
        image_shape: (channels, height, width).
        num_halvings: at least 1; odd sides are rounded down. If None, even sides are halved to
            between 4 and 7 pixels.

    Raises:
        ValueError: if `image_shape` has not three numbers or the sides cannot be halved like this.
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
    levels = [sides]
    while all(side % 2 == 0 and side // 2 >= _SMALLEST_SIDE for side in levels[-1]):
        levels.append((levels[-1][0] // 2, levels[-1][1] // 2))
    if len(levels) == 1 or max(levels[-1]) >= 2 * _SMALLEST_SIDE:
        raise ValueError(
            "`image_shape` must have sides that are 4, 5, 6 or 7 times the same power of two, 2 at "
            f"least, such as 28, 32, 48 or 64, got {tuple(image_shape)}; resize the images or "
            "take CWAEEncoder and CWAEDecoder (even sides) or MLPEncoder and MLPDecoder (any)."
        )
    return levels
