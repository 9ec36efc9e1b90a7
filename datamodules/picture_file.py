"""One picture of a file as a tensor; which files are pictures."""

from pathlib import Path

from PIL import Image, ImageOps
from torch import Tensor
from torchvision.datasets.folder import IMG_EXTENSIONS
from torchvision.transforms.functional import center_crop, pil_to_tensor

from datamodules.errors import DataError

__all__ = ["KNOWN_ENDINGS", "check_picture_size", "is_picture", "read_picture"]

KNOWN_ENDINGS = IMG_EXTENSIONS
"""Of the names of picture files, in small letters."""

_MODES = {1: "L", 3: "RGB"}
_DEEP_MODES = ("I", "F")  # more than 8 bits a channel, which Pillow would clip and not rescale


def check_picture_size(image_size: int, channels: int) -> None:
    """Raises ValueError unless square pictures of such sides and channels can be made of files."""
    if image_size < 1:
        raise ValueError(f"`image_size` must be at least 1, got {image_size}.")
    if channels not in _MODES:
        raise ValueError(f"`channels` must be 1 or 3, got {channels}.")


def is_picture(file: Path) -> bool:
    """Whether a path is a file that is named like a picture and not hidden."""
    known = file.suffix.lower() in KNOWN_ENDINGS
    return known and not file.name.startswith(".") and file.is_file()


def read_picture(file: Path, shape: tuple[int, int, int]) -> Tensor:
    """Returns a picture, upright, cropped and resized, as uint8 of the shape (c, h, w).

    Raises:
        DataError: if the file is damaged or has more than 8 bits a channel.
    """
    channels, height, width = shape
    try:
        with Image.open(file) as opened:
            if opened.mode.startswith(_DEEP_MODES):
                raise DataError(
                    f"'{file}' must have 8 bits a channel, got Pillow's mode {opened.mode}; "
                    "convert it."
                )
            upright = ImageOps.exif_transpose(opened).convert(_MODES[channels])
    # Pillow's decoders raise any of these on damaged files
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise DataError(
            f"'{file}' cannot be read as a picture ({error}); repair or remove it."
        ) from error
    square = center_crop(upright, [min(upright.size)])
    return pil_to_tensor(square.resize((width, height), Image.Resampling.BICUBIC))
