"""Reads image files that a gallery names, which may be a stranger's.

A row's metadata can name any path of this machine. So only regular files within one folder are
read, only as PNG, JPEG or WebP, and not if decoding them needs much memory.
"""

import warnings
from pathlib import Path

from PIL import Image

from hawc.io.images import ImageSizeError, open_image, orientation_of, resized
from hawc.sheets.conversion import opaque

__all__ = ["ImageFileError", "read_image"]

_FORMATS = ("PNG", "JPEG", "WEBP")
_ENLARGED = 8  # times the pixels needed; more are reduced before they are handed on


class ImageFileError(Exception):
    """The file is not shown; the message says why in a few words."""


def read_image(name: str, folder: Path, side: int) -> Image.Image:
    """Returns an image file in RGB, turned as its camera says.

    Args:
        name: of the file, relative to the folder; absolute names must lie in it too.
        folder: symbolic links that leave it are not followed.
        side: pixels needed; large JPEG files are decoded at a smaller size of at least this.

    Raises:
        ImageFileError: if it is missing, lies elsewhere or is not such an image.
    """
    path = _inside(name, folder)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about its size, which is checked here
            with open_image(path, _FORMATS) as image:
                image.draft("RGB", (side, side))
                image.load()
                return _upright(image, side)
    except ImageSizeError as error:
        raise ImageFileError("the image is too large") from error
    except PermissionError as error:
        raise ImageFileError("the file cannot be read") from error
    except Exception as error:  # Pillow's readers raise many kinds on damaged files
        if isinstance(error, ImageFileError):
            raise
        raise ImageFileError("no readable PNG, JPEG or WebP") from error


def _upright(image: Image.Image, side: int) -> Image.Image:
    """Returns a decoded image in RGB, turned and not much larger than needed."""
    orientation = orientation_of(image)
    width, height = reversed(image.size) if orientation >= 5 else image.size
    reduction = max(1.0, max(width, height) / (_ENLARGED * side))
    size = max(1, round(width / reduction)), max(1, round(height / reduction))
    return resized(image, (0, 0, width, height), size, orientation, opaque)


def _inside(name: str, folder: Path) -> Path:
    try:
        root = folder.resolve()
        path = (root / name).resolve()
        if not path.is_relative_to(root):
            raise ImageFileError("the file is in another folder")
        if not path.exists():
            raise ImageFileError("the file is missing")
        if not path.is_file():  # a pipe would make the reader wait
            raise ImageFileError("not a regular file")
    except (OSError, ValueError, RuntimeError) as error:  # too long, a null byte, a loop of links
        raise ImageFileError("not a file's name") from error
    return path
