"""Reads an image file as a tensor: upright, opaque, with 8 bits per channel."""

import warnings
from functools import cache
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageColor
from torch import Tensor
from torchvision.transforms.functional import pil_to_tensor

from datamodules.errors import DataError
from hawc.io.images import Box, ImageSizeError, open_image, orientation_of, resized

__all__ = ["FramesWarning", "check_background", "check_image_size", "formats", "read_image"]

# The other formats of Pillow start programs, load parts without a check, or hold no image.
_FORMATS = (
    *("PNG", "JPEG", "MPO", "GIF", "BMP", "DIB", "TIFF", "WEBP", "AVIF", "HEIF", "JPEG2000"),
    *("PPM", "QOI", "ICO", "PCX", "PSD", "SGI", "SUN", "TGA"),
)

_MODES = {1: "L", 3: "RGB"}
_RANGELESS = ("I", "F")  # 32-bit numbers; no format defines their black and white
_WHITE_IS_ZERO = 0  # of TIFF; Pillow applies it to 8 bits only
_TURNED = 5  # from this EXIF orientation on, width and height are exchanged
_REASON_SHOWN = 80  # characters


class FramesWarning(UserWarning):
    """Only the first frame of an image is read."""


@cache
def formats() -> tuple[str, ...]:
    """Returns Pillow's names of the formats that are read; AVIF and HEIF are not in each build."""
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


def check_image_size(image_size: int, channels: int) -> None:
    """Raises ValueError unless images can have this size and number of channels."""
    if image_size < 1:
        raise ValueError(f"`image_size` must be at least 1, got {image_size}.")
    if channels not in _MODES:
        raise ValueError(f"`channels` must be 1 or 3, got {channels}.")


def check_background(background: str) -> None:
    """Raises ValueError unless a word or code names an opaque colour."""
    try:
        opaque = ImageColor.getcolor(background, "RGBA")[3] == 255
    except (ValueError, AttributeError, TypeError):
        opaque = False
    if not opaque:
        raise ValueError(
            f"`background` must be a colour such as white, black or '#808080', got {background!r}."
        )


def read_image(file: Path, shape: tuple[int, int, int], background: str = "white") -> Tensor:
    """Returns an image as uint8 (c, h, w), cropped to its centred square and resized.

    It is rotated by its EXIF orientation; of an animation it is the first frame. Transparent pixels
    show the background. More than 8 bits per channel, up to 16, are scaled to 8.

    Raises:
        DataError: if the file is damaged, too large or has 32 bits per channel; the
            message does not name it.
    """
    channels, height, width = shape
    try:
        with open_image(file, formats()) as opened:
            # the other frames of a photograph in the format MPO are previews
            if getattr(opened, "is_animated", False) and opened.format != "MPO":
                message = "of images with several frames the first is read"
                warnings.warn(message, FramesWarning, stacklevel=2)
            levels = _levels(opened)
            opened.load()
            orientation = orientation_of(opened)

            def convert(part: Image.Image) -> Image.Image:
                whole = _eight_bits(part, opened.format, levels)
                return _opaque(whole, background).convert(_MODES[channels])

            square = _central_square(opened.size, turned=orientation >= _TURNED)
            image = resized(opened, square, (width, height), orientation, convert)
    except (DataError, MemoryError):
        raise
    except ImageSizeError as error:
        raise DataError(str(error)) from error
    except Exception as error:  # Pillow's decoders raise nearly any error on damaged files
        raise DataError(_reason(error, file)) from error
    return pil_to_tensor(image)


def _central_square(size: tuple[int, int], turned: bool) -> Box:
    """Returns the largest centred square of an image that may still be turned by a quarter."""
    width, height = reversed(size) if turned else size
    side = min(size)
    left, top = round((width - side) / 2), round((height - side) / 2)
    return left, top, left + side, top + side


def _levels(opened: Image.Image) -> tuple[int, bool]:
    """Returns the largest grey level and whether it is black, by tags of TIFF."""
    tags = getattr(opened, "tag_v2", {})
    bits = tags.get(ExifTags.Base.BitsPerSample, (16,))[0]
    return 2**bits - 1, tags.get(ExifTags.Base.PhotometricInterpretation) == _WHITE_IS_ZERO


def _eight_bits(
    image: Image.Image, file_format: str | None, levels: tuple[int, bool]
) -> Image.Image:
    """Returns an image with 8 bits per channel; scales 9 to 16 bits of grey.

    Pillow would clip them. It scales colours of 16 bits when it reads them.
    """
    # Pillow's mode of PGM files, and in older versions of PNG files
    is_deep = image.mode == "I" and file_format in ("PNG", "PPM")
    if not (image.mode.startswith("I;16") or is_deep):
        if image.mode in _RANGELESS:
            raise DataError(f"32 bits per channel (Pillow's mode {image.mode}); convert it to 8")
        return image
    values = np.asarray(image).astype(np.int64)
    white, is_inverted = levels
    shades = np.round(values * (255 / white)).astype(np.uint8)
    scaled = Image.fromarray(255 - shades if is_inverted else shades)
    transparent = image.info.get("transparency")  # one grey level
    if transparent is not None:
        scaled.putalpha(Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8)))
    return scaled


def _opaque(image: Image.Image, background: str) -> Image.Image:
    """Returns an image composed with a background.

    Otherwise transparent pixels would show the colours that the file stores for them.
    """
    if image.mode not in ("RGBA", "RGBa", "LA", "La", "PA") and "transparency" not in image.info:
        return image
    transparent = image.info.get("transparency")
    # a colour of 16 bits where Pillow has scaled the pixels to 8
    if isinstance(transparent, tuple) and max(transparent) > 255:
        image.info["transparency"] = tuple(level >> 8 for level in transparent)
    visible = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", visible.size, background), visible)


def _reason(error: Exception, file: Path) -> str:
    if isinstance(error, Image.UnidentifiedImageError):
        return "empty" if file.stat().st_size == 0 else "no image of a format that is read"
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return " ".join(reason.split())[:_REASON_SHOWN] or type(error).__name__
