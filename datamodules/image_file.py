"""One image of a file as a tensor: upright, on a background, with 8 bits a channel."""

import warnings
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageColor, ImageOps
from torch import Tensor
from torchvision.transforms.functional import center_crop, pil_to_tensor

from datamodules.errors import DataError

__all__ = ["check_background", "check_image_size", "read_image"]

_MODES = {1: "L", 3: "RGB"}
_RANGELESS = ("I", "F")  # 32-bit numbers, whose black and white no format says
_WHITE_IS_ZERO = 0  # of TIFF; Pillow heeds it with 8 bits alone
_REASON_SHOWN = 80  # characters


def check_image_size(image_size: int, channels: int) -> None:
    """Raises ValueError unless square images of such sides and channels can be made of files."""
    if image_size < 1:
        raise ValueError(f"`image_size` must be at least 1, got {image_size}.")
    if channels not in _MODES:
        raise ValueError(f"`channels` must be 1 or 3, got {channels}.")


def check_background(background: str) -> None:
    """Raises ValueError unless a word or code names a colour that hides all that is behind it."""
    try:
        opaque = ImageColor.getcolor(background, "RGBA")[3] == 255
    except (ValueError, AttributeError, TypeError):
        opaque = False
    if not opaque:
        raise ValueError(
            f"`background` must be a colour such as white, black or '#808080', got {background!r}."
        )


def read_image(file: Path, shape: tuple[int, int, int], background: str = "white") -> Tensor:
    """Returns an image, cropped to its centred square and resized, as uint8 of shape (c, h, w).

    It is upright as its EXIF orientation says, and the first frame of an animation. What is
    transparent shows the background. More bits a channel, up to 16, are scaled to 8.

    Raises:
        DataError: if the file is damaged, or has 32 bits a channel; the message does not name it.
    """
    channels, height, width = shape
    try:
        with Image.open(file) as opened:
            # not of photographs in the format MPO, whose other frames are previews
            if getattr(opened, "is_animated", False) and opened.format != "MPO":
                warnings.warn("of images with several frames the first is read", stacklevel=2)
            levels = _levels(opened)  # before it is turned and loses them
            upright = _eight_bits(ImageOps.exif_transpose(opened), opened.format, levels)
            image = _opaque(upright, background).convert(_MODES[channels])
    except (DataError, MemoryError):
        raise
    except Exception as error:  # Pillow's decoders raise nearly all there is on damaged files
        raise DataError(_reason(error, file)) from error
    square = center_crop(image, [min(image.size)])
    return pil_to_tensor(square.resize((width, height), Image.Resampling.BICUBIC))


def _levels(opened: Image.Image) -> tuple[int, bool]:
    """Returns the largest level of deep grey, and whether it is black: TIFF files say so."""
    tags = getattr(opened, "tag_v2", {})
    bits = tags.get(ExifTags.Base.BitsPerSample, (16,))[0]
    return 2**bits - 1, tags.get(ExifTags.Base.PhotometricInterpretation) == _WHITE_IS_ZERO


def _eight_bits(
    image: Image.Image, file_format: str | None, levels: tuple[int, bool]
) -> Image.Image:
    """Returns an image with 8 bits a channel; one with 9 to 16 is scaled, where Pillow clips.

    Colours of 16 bits Pillow has scaled while it read them.
    """
    # as Pillow reads PGM files, and older versions PNG files
    is_deep = image.mode == "I" and file_format in ("PNG", "PPM")
    if not (image.mode.startswith("I;16") or is_deep):
        if image.mode in _RANGELESS:
            raise DataError(f"32 bits a channel (Pillow's mode {image.mode}); convert it to 8")
        return image
    values = np.asarray(image).astype(np.int64)
    white, is_inverted = levels
    shades = np.round(values * (255 / white)).astype(np.uint8)
    scaled = Image.fromarray(255 - shades if is_inverted else shades)
    hidden = image.info.get("transparency")  # of one grey level
    if hidden is not None:
        scaled.putalpha(Image.fromarray(np.where(values == hidden, 0, 255).astype(np.uint8)))
    return scaled


def _opaque(image: Image.Image, background: str) -> Image.Image:
    """Returns an image as it looks on a background.

    Otherwise its transparent pixels would show whatever colours the file has behind them.
    """
    if image.mode not in ("RGBA", "RGBa", "LA", "La", "PA") and "transparency" not in image.info:
        return image
    hidden = image.info.get("transparency")  # of RGB a colour, maybe of 16 bits beside 8 of pixels
    if isinstance(hidden, tuple) and max(hidden) > 255:
        image.info["transparency"] = tuple(level >> 8 for level in hidden)
    visible = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", visible.size, background), visible)


def _reason(error: Exception, file: Path) -> str:
    if isinstance(error, Image.UnidentifiedImageError):
        return "empty" if file.stat().st_size == 0 else "no image format that Pillow reads"
    said = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return " ".join(said.split())[:_REASON_SHOWN] or type(error).__name__
