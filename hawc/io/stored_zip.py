"""Zip files of arrays, which hold no more than they show.

PyTorch and NumPy write checkpoints and .npz files as zip files without compression. So a file that
is compressed, or whose parts overlap, is not theirs, and could fill the memory.
"""

import os
import struct
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

from hawc.io.files import open_regular

__all__ = ["open_stored"]

_MAX_LIST = 16 * 2**20  # bytes of the list of parts: 200,000 of them
_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_LONG_END = struct.Struct("<4sQ2H2L4Q")


def open_stored(path: str | Path) -> BinaryIO:
    """Returns a zip file without compression, open for reading bytes.

    Its parts are neither compressed, encrypted nor overlapping: together they are no larger than
    the file. They may still be damaged.

    Raises:
        OSError: if the file cannot be opened or is not regular.
        ValueError: if it is no such zip file, with the reason.
    """
    file = open_regular(path)
    try:
        _check(file)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def _check(file: BinaryIO) -> None:
    size = file.seek(0, os.SEEK_END)
    if _list_size(file, size) > _MAX_LIST:
        raise ValueError("it has too many parts")
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, struct.error, ValueError) as error:
        raise ValueError("it is damaged") from error
    if any(part.flag_bits & 1 for part in parts):
        raise ValueError("it is encrypted")
    if any(part.compress_type != zipfile.ZIP_STORED for part in parts):
        raise ValueError("it is compressed")
    if any(part.file_size != part.compress_size for part in parts):
        raise ValueError("it is damaged")
    if sum(part.file_size for part in parts) > size:
        raise ValueError("its parts overlap")


def _list_size(file: BinaryIO, size: int) -> int:
    """Returns the bytes of the list of parts, which must lie right before the end records.

    Readers of zip files search for a list elsewhere in different ways, so they could see different
    parts.
    """
    found = _record(file, _END, b"PK\x05\x06", size)
    end, length, first = size - _END.size, found[5], found[6]
    if _is_record(file, _LOCATOR, b"PK\x06\x07", end):
        end -= _LOCATOR.size + _LONG_END.size
        found = _record(file, _LONG_END, b"PK\x06\x06", end + _LONG_END.size)
        length, first = found[8], found[9]
    if first + length != end:
        raise ValueError("it is damaged")
    return int(length)


def _is_record(file: BinaryIO, form: struct.Struct, name: bytes, end: int) -> bool:
    file.seek(max(end - form.size, 0))
    return file.read(4) == name


def _record(file: BinaryIO, form: struct.Struct, name: bytes, end: int) -> tuple[Any, ...]:
    if end < form.size or not _is_record(file, form, name, end):
        raise ValueError("it is damaged")
    file.seek(end - form.size)
    return form.unpack(file.read(form.size))
