"""Finds the images in a folder and reads them as one tensor."""

import os
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, final

import torch
from jaxtyping import Bool, UInt8
from PIL import Image
from torch import Tensor

from datamodules.errors import DataError
from datamodules.image_file import FramesWarning, check_background, formats, read_image
from hawc.io.images import MAX_PIXELS, ImageSizeError, open_image
from hawc.printable import printable

__all__ = ["Broken", "ImageReader", "find_images", "is_visible", "without_ending"]

Broken = Literal["error", "skip"]

_NAMED = 5  # files in a message
_NOT_IMAGES = {"thumbs.db", "desktop.ini", "icon\r", "__macosx"}  # written by operating systems
# formats whose first bytes identify them
_SNIFFED = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "JPEG2000", "PPM", "QOI", "HEIF")
_ENDING = re.compile(r"\.[a-z][a-z0-9]{0,7}")


@final
@dataclass(frozen=True)
class ImageReader:
    """Reads files as images of one shape.

    Args:
        shape: (channels, height, width).
        broken: "error" stops at unreadable files and names them; "skip" warns and leaves them out.
        background: colour behind transparent pixels, a name or a code such as "#808080".

    Raises:
        ValueError: if `broken` is neither of these, or `background` no opaque colour.
    """

    shape: tuple[int, int, int]
    broken: Broken = "error"
    background: str = "white"

    def __post_init__(self) -> None:
        check_background(self.background)
        if self.broken not in ("error", "skip"):
            raise ValueError(f"`broken` must be error or skip, got {self.broken}.")

    def read(
        self, files: Sequence[Path], folder: Path
    ) -> tuple[UInt8[Tensor, "n c h w"], Bool[Tensor, " n"]]:
        """Returns one image per file, and which of them could be read.

        Args:
            files: image files.
            folder: their folder, for messages.

        Raises:
            DataError: if a file is broken and `broken` is "error", or all are broken.
        """
        images = torch.zeros((len(files), *self.shape), dtype=torch.uint8)
        whole = torch.ones(len(files), dtype=torch.bool)
        reasons = []
        with _strict_pillow():
            for i, file in enumerate(files):
                try:
                    images[i] = read_image(file, self.shape, self.background)
                except DataError as error:
                    whole[i] = False
                    reasons.append(f"{_name(file, folder)} ({printable(str(error))})")
        if reasons:
            self._report(reasons, len(files), folder)
        return images, whole

    def _report(self, reasons: list[str], count: int, folder: Path) -> None:
        report = f"{len(reasons)} of {count} images in '{folder}' cannot be read: {_some(reasons)}"
        if self.broken == "error":
            raise DataError(f"{report}; repair or remove them, or set `broken` to skip.")
        if len(reasons) == count:
            raise DataError(f"{report}; repair some.")
        warnings.warn(f"{report}; they are left out.", stacklevel=2)


def find_images(folder: Path) -> list[Path]:
    """Returns the images in a folder, at any depth, in alphabetical order.

    A file is an image if its ending is that of a format in docs/data.md, in any case. Without an
    ending its content decides. An ending that does not begin with a letter, such as .1, counts as
    none. Links are followed. Hidden files and copies such as a.png~ are ignored;
    a warning counts other files.

    Raises:
        DataError: if the folder does not exist, cannot be listed, or holds no image.
    """
    if not folder.is_dir():
        raise DataError(f"'{folder}' must be a folder of images, and there is no such folder.")
    files = _files_below(folder)
    with _strict_pillow():
        kinds = [_is_image(file) for file in files]
    images = [file for file, is_image in zip(files, kinds, strict=True) if is_image]
    others = [_name(f, folder) for f, is_image in zip(files, kinds, strict=True) if not is_image]
    if not images:
        only = f", only {_some(others)}" if others else ""
        raise DataError(
            f"'{folder}' holds no image that can be read, such as .jpg, .png or .webp{only}; put "
            "some there or name another folder."
        )
    if others:
        warnings.warn(
            f"'{folder}': {len(images)} images are read, {len(others)} other files are left out: "
            f"{_some(others)}.",
            stacklevel=2,
        )
    return images


def without_ending(file: Path) -> Path:
    """Returns a path without the ending of an image; "photo 3.5" has none."""
    return file.with_suffix("") if file.suffix.lower() in _endings() else file


def _files_below(folder: Path) -> list[Path]:
    """Returns all files that are not hidden; files behind several links once."""
    files, visited = [], set()

    def refuse(error: OSError) -> None:
        raise DataError(f"'{error.filename}' cannot be listed ({error.strerror}).") from error

    for here, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        place = os.path.realpath(here)
        if place in visited:  # a link to a folder above would never end
            folders.clear()
            continue
        visited.add(place)
        folders[:] = sorted(name for name in folders if is_visible(name))
        files += [Path(here, name) for name in names if is_visible(name)]
    return sorted(file for file in files if file.is_file() or file.is_symlink())


def is_visible(name: str) -> bool:
    """Returns whether a file or folder of that name is neither hidden nor a copy."""
    return not name.startswith(".") and not name.endswith("~") and name.lower() not in _NOT_IMAGES


def _is_image(file: Path) -> bool:
    ending = file.suffix.lower()
    if _ENDING.fullmatch(ending):  # not of "photo 3.5 of May" or "1.jpg_large"
        return ending in _endings()
    try:
        with open_image(file, tuple(kind for kind in _SNIFFED if kind in formats())):
            return True
    except ImageSizeError:
        return True  # reading it says so
    except Exception:  # Pillow raises nearly any error on files of other kinds
        return False


@contextmanager
def _strict_pillow() -> Iterator[None]:
    """Hides Pillow's warnings, thousands of one file, and bounds images within icons."""
    limit = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # Pillow refuses twice as many
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("default", FramesWarning)
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


@cache
def _endings() -> frozenset[str]:
    return frozenset(e for e, kind in Image.registered_extensions().items() if kind in formats())


def _name(file: Path, folder: Path) -> str:
    return printable(str(file.relative_to(folder) if file.is_relative_to(folder) else file))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"
