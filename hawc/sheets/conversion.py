"""Conversion of what decoders return to images of Pillow."""

import numpy as np
from PIL import Image
from torch import Tensor

__all__ = ["as_image", "opaque"]

_CHANNELS = (1, 3, 4)  # gray, RGB, RGB with transparency
_OVERSHOOT = 0.5  # decoders without a squashing output exceed [0, 1] a little


def as_image(value: object) -> Image.Image:
    """Returns one decoded image in RGB.

    Args:
        value: an image of Pillow, a tensor (c, h, w) or (h, w), or an array (h, w, c) or (h, w).
            Floats are in [0, 1], integers in [0, 255]; c is 1, 3 or 4. The order of the axes is
            recognized if only one of them can be the channels. A batch or a list of one image
            counts as that image.

    Raises:
        ValueError: if it is none of these.
    """
    while isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    if isinstance(value, Image.Image):
        return opaque(value)
    channels_first = isinstance(value, Tensor)
    pixels = _channels_last(_numbers(value), channels_first)
    single = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    return opaque(Image.fromarray(np.ascontiguousarray(_bytes(single))))


def opaque(image: Image.Image) -> Image.Image:
    """Returns an image in RGB; transparent parts become white."""
    if image.mode.startswith("I;16"):  # Pillow would clip 16 bits to 8
        image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    white = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(white, layer).convert("RGB")


def _numbers(value: object) -> np.ndarray:
    if isinstance(value, Tensor):
        tensor = value.detach().cpu()
        return (tensor.float() if tensor.is_floating_point() else tensor).numpy()
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise _not_an_image(f"a {type(value).__name__} ({error})") from error
    if array.dtype.kind not in "buif":
        raise _not_an_image(f"a {type(value).__name__}")
    return array


def _channels_last(array: np.ndarray, channels_first: bool) -> np.ndarray:
    """Returns (h, w, c)."""
    while array.ndim > 3 and len(array) == 1:
        array = array[0]
    if array.ndim == 2 and array.size:
        return array[..., None]
    if array.ndim != 3 or not array.size:
        raise _not_an_image(f"shape {array.shape}")
    first, last = array.shape[0] in _CHANNELS, array.shape[-1] in _CHANNELS
    if not (first or last):
        raise _not_an_image(f"shape {array.shape}")
    if first and (channels_first or not last):
        return np.moveaxis(array, 0, -1)
    return array


def _bytes(pixels: np.ndarray) -> np.ndarray:
    if pixels.dtype == np.bool_:
        return pixels.astype(np.uint8) * 255
    if pixels.dtype.kind in "ui":
        return pixels.clip(0, 255).astype(np.uint8)
    finite: np.ndarray = np.nan_to_num(pixels, nan=0.5, posinf=1.0, neginf=0.0)  # NaN is shown gray
    if finite.min() < -_OVERSHOOT or finite.max() > 1 + _OVERSHOOT:
        raise ValueError(
            "`decode` must return floats in [0, 1] or bytes, got values from "
            f"{finite.min():.3g} to {finite.max():.3g}; rescale the images within `decode`."
        )
    return (finite.clip(0, 1) * 255).round().astype(np.uint8)


def _not_an_image(given: str) -> ValueError:
    return ValueError(
        "`decode` must return images, a tensor (n, c, h, w), an array (n, h, w, c) or images of "
        f"Pillow, got {given}."
    )
