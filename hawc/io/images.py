"""Image files of strangers: opened if their decoding needs little memory, resized band by band.

A file of some KB can hold a billion equal pixels. So the pixels that it claims are compared with
what Pillow's decoder of its format needs for one, before anything is decoded (docs/security.md).
"""

import mmap
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from PIL import ExifTags, Image

from hawc.io.files import open_regular

__all__ = ["MAX_PIXELS", "ImageSizeError", "open_image", "orientation_of", "resized"]

MAX_PIXELS = 120_000_000
"""Of an image in any format, which Pillow then holds in 480 MB."""

_MAX_SIDE = 1_000_000  # a row of pixels is the least that is converted at a time
_MAX_BYTES = 500_000_000  # of a file; some decoders read it whole
_MAX_SCANS = 32  # of a JPEG file; each costs the time of an image, even an empty one
_BYTES = 4  # per pixel in Pillow, in any mode with colours
_MAX_MEMORY = _BYTES * MAX_PIXELS
# further bytes per pixel that decoders were measured to need, Pillow 13
_DECODER_BYTES = {"AVIF": 12, "GIF": 2, "PPM": 4, "QOI": 4, "SGI": 4, "WEBP": 12}
_OPENJPEG_BYTES = 5  # per pixel and channel
_COEFFICIENT_BYTES = 2  # of JPEG, per pixel and channel, where a file has several scans
_BAND = 4_000_000  # pixels that are converted at a time

_JPEG_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # not a stuffed byte nor a restart
_JPEG_END, _JPEG_SCAN = 0xD9, 0xDA
_TIFF_UNCOMPRESSED = 1
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

Box = tuple[int, int, int, int]
"""Left, upper, right and lower side; the last two are outside."""


class ImageSizeError(Exception):
    """The image is too large to be read; the message says what is read and what it claims."""


@contextmanager
def open_image(path: str | Path, formats: tuple[str, ...]) -> Iterator[Image.Image]:
    """Yields an image whose pixels can be decoded in 480 MB; none is decoded yet.

    Args:
        path: of a regular file; links are followed.
        formats: Pillow's names of those that are tried.

    Raises:
        ImageSizeError: if it claims too many pixels for its format.
        OSError: if the file cannot be opened, is not regular or has more than 500 MB.
        Exception: Pillow's decoders raise nearly any error on damaged files.
    """
    with open_regular(path, _MAX_BYTES) as file:
        try:
            opened = Image.open(file, formats=formats)
        except Image.DecompressionBombError as error:  # Pillow's own bound, met first
            claimed = re.search(r"\d+", str(error))
            pixels = f"{int(claimed[0]):,}" if claimed else "more"
            raise ImageSizeError(f"at most {MAX_PIXELS:,} pixels are read, got {pixels}") from error
        with opened as image:
            _check_size(image, file)
            yield image


def orientation_of(image: Image.Image) -> int:
    """Returns how a decoded image is turned, 1 to 8 as in EXIF; 1 is upright."""
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    return orientation if orientation in _UPRIGHT else 1


def resized(
    image: Image.Image,
    box: Box,
    size: tuple[int, int],
    orientation: int,
    convert: Callable[[Image.Image], Image.Image],
) -> Image.Image:
    """Returns a part of an image upright, converted and resized (bicubic).

    A large part is converted in bands of rows, which gives the same pixels as all of it at once.

    Args:
        image: decoded, as it is stored.
        box: of the upright image.
        size: (width, height) of the result.
        orientation: as `orientation_of` returns it.
        convert: changes each pixel alone.
    """
    left, top, right, bottom = box
    rows = max(1, _BAND // (right - left))
    if rows >= bottom - top:
        return convert(_cropped(image, box, orientation)).resize(size, Image.Resampling.BICUBIC)
    narrow: Image.Image | None = None
    for upper in range(top, bottom, rows):
        lower = min(upper + rows, bottom)
        band = convert(_cropped(image, (left, upper, right, lower), orientation))
        # Pillow, too, resizes rows first and rounds them before it resizes columns
        band = band.resize((size[0], lower - upper), Image.Resampling.BICUBIC)
        narrow = narrow or Image.new(band.mode, (size[0], bottom - top))
        narrow.paste(band, (0, upper - top))
    assert narrow is not None
    return narrow.resize(size, Image.Resampling.BICUBIC)


def _cropped(image: Image.Image, box: Box, orientation: int) -> Image.Image:
    """Returns the part of an image that, once upright, is the box."""
    left, top, right, bottom = box
    width, height = image.size
    if orientation >= 5:
        left, top, right, bottom = top, left, bottom, right
    if orientation in (2, 3, 7, 8):
        left, right = width - right, width - left
    if orientation in (3, 4, 6, 7):
        top, bottom = height - bottom, height - top
    whole = (left, top, right, bottom) == (0, 0, width, height)
    part = image if whole else image.crop((left, top, right, bottom))
    return part.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else part


def _check_size(image: Image.Image, file: BinaryIO) -> None:
    """Raises ImageSizeError if an opened image needs too much memory or time."""
    need: float = _bytes_per_pixel(image)
    scans = _jpeg_scans(file) if image.format in ("JPEG", "MPO") else []
    if len(scans) > _MAX_SCANS:
        raise ImageSizeError(f"at most {_MAX_SCANS} scans of JPEG are read, got more")
    if len(scans) > 1:
        layers = image.layer  # type: ignore[attr-defined]  # (name, across, down, table) each
        largest = max(across for _, across, _, _ in layers) * max(down for _, _, down, _ in layers)
        shares = sum(across * down for _, across, down, _ in layers) / largest
        need += _COEFFICIENT_BYTES * shares
    width, height = image.size
    limit = max(0, int((_MAX_MEMORY - _tiff_bytes(image)) / need))
    if width * height > limit:
        raise ImageSizeError(
            f"at most {limit:,} pixels are read of such {image.format}, got {width:,} x {height:,}"
        )
    if max(width, height) > _MAX_SIDE:
        raise ImageSizeError(f"sides of at most {_MAX_SIDE:,} are read, got {width:,} x {height:,}")


def _bytes_per_pixel(image: Image.Image) -> int:
    if image.format == "JPEG2000":
        return _BYTES + _OPENJPEG_BYTES * len(image.getbands())
    if getattr(image, "tag_v2", {}).get(ExifTags.Base.Orientation, 1) != 1:
        return _BYTES + _BYTES  # Pillow turns a TIFF file's image as a whole
    return _BYTES + _DECODER_BYTES.get(image.format or "", 0)


def _tiff_bytes(image: Image.Image) -> int:
    """Returns the bytes of memory for one strip or tile of a compressed TIFF file."""
    tags = getattr(image, "tag_v2", None)
    if tags is None or tags.get(ExifTags.Base.Compression) == _TIFF_UNCOMPRESSED:
        return 0
    width, height = image.size
    samples = int(tags.get(ExifTags.Base.SamplesPerPixel, 1))
    bits = samples * max(tags.get(ExifTags.Base.BitsPerSample, (1,)))
    across = int(tags.get(ExifTags.Base.TileWidth, width))
    down = min(height, int(tags.get(ExifTags.Base.RowsPerStrip, height)))
    tile = across * int(tags.get(ExifTags.Base.TileLength, down))
    return tile * int(bits) // 8


def _jpeg_scans(file: BinaryIO) -> list[int]:
    """Returns where the first image's scans begin, of a JPEG file; more than one needs memory."""
    position = file.tell()
    scans: list[int] = []
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        here = 2  # behind the marker that begins the file
        while len(scans) <= _MAX_SCANS and (found := _JPEG_MARKER.search(content, here)):
            marker, here = content[found.start() + 1], found.end()
            if marker == _JPEG_END:
                break
            if marker == _JPEG_SCAN:
                scans.append(found.start())
            if marker >= 0xC0:  # others have no content
                here += int.from_bytes(content[here : here + 2], "big")
    file.seek(position)
    return scans
