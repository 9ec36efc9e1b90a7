"""The checks that networks for images begin with."""

__all__ = ["check_width", "checked_image_shape"]


def check_width(width: int) -> None:
    """Raises ValueError unless a layer has at least one filter."""
    if width < 1:
        raise ValueError(f"`width` must be at least 1, got {width}; 64 and 128 are usual.")


def checked_image_shape(image_shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Returns (channels, height, width).

    Raises:
        ValueError: if it is the shape of something else, such as a row of a table.
    """
    if len(image_shape) != 3:
        raise ValueError(
            "`image_shape` must be (channels, height, width) for a convolutional network, got "
            f"{tuple(image_shape)}; for rows of a table take MLPEncoder and MLPDecoder."
        )
    channels, height, width = image_shape
    return channels, height, width
