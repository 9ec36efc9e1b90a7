"""Images, tables and IDX files that are larger than they look, or other things."""

import gzip
import io
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.hostile.inputs import HONEST, Input, canary_command, used_data
from datamodules import CSVTable, ImageFolder
from datamodules.idx import read_idx

__all__ = ["data_inputs"]

_IMAGE, _CSV, _IDX = "image", "CSV", "IDX"
_SCRIPT = f"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%{canary_command()}) (r) file\n"


def _encoded(
    kind: str, size: tuple[int, int] = (16, 16), mode: str = "RGB", **more: object
) -> bytes:
    written = io.BytesIO()
    Image.new(mode, size).save(written, kind, **more)
    return written.getvalue()


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _png(width: int, height: int, *chunks: bytes, data: bytes = b"", depth: int = 8) -> bytes:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0))
    parts = (header, *chunks, _chunk(b"IDAT", zlib.compress(data)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _tiff(entries: list[tuple[int, int, int, int]], following: int = 0) -> bytes:
    body = struct.pack("<H", len(entries))
    body += b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0\x08\0\0\0" + body + struct.pack("<I", following)


def _sized(width: int, height: int) -> list[tuple[int, int, int, int]]:
    return [
        *((256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1)),
        *((262, 3, 1, 1), (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, 9)),
    ]


@cache
def _text_bomb() -> bytes:
    return _chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(300_000_000)))


IMAGES: dict[str, Callable[[], bytes]] = {
    "PostScript as .png": lambda: _SCRIPT.encode(),
    "PostScript as .jpg": lambda: _SCRIPT.encode(),
    "PostScript in DOS form as .gif": lambda: (
        b"\xc5\xd0\xd3\xc6"
        + struct.pack("<IIIIIIH", 30, len(_SCRIPT), 0, 0, 0, 0, 65535)
        + _SCRIPT.encode()
    ),
    "PDF as .png": lambda: b"%PDF-1.4\n%%EOF",
    "WMF as .bmp": lambda: b"\xd7\xcd\xc6\x9a" + bytes(40),
    "FITS as .png": lambda: b"SIMPLE  =                    T".ljust(2880),
    "MPO as .jpg": lambda: _encoded("MPO"),
    "a font as .png": lambda: b"STARTFONT 2.1\n",
    "SVG as .png": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "PCX as .png": lambda: _encoded("PCX"),
    "PNG of 13,300 x 13,300": lambda: _encoded("PNG", (13_300, 13_300)),
    "JPEG of 13,000 x 13,000": lambda: _encoded("JPEG", (13_000, 13_000)),
    "GIF of 13,000 x 13,000": lambda: _encoded("GIF", (13_000, 13_000), "P"),
    "WebP of 12,000 x 12,000": lambda: _encoded("WEBP", (12_000, 12_000)),
    "TIFF of 13,000 x 13,000": lambda: _encoded("TIFF", (13_000, 13_000), compression="tiff_lzw"),
    "BMP of 13,000 x 13,000": lambda: _encoded("BMP", (13_000, 13_000), "1"),
    "PNG of 2^31": lambda: _png(2**31 - 1, 2**31 - 1),
    "PNG of 1 x 170,000,000": lambda: _png(1, 170_000_000),
    "PNG of width 0": lambda: _png(0, 5),
    "PNG with a text of 300 MB": lambda: _png(4, 4, _text_bomb(), data=bytes(52)),
    "PNG with twenty such texts": lambda: _png(4, 4, *[_text_bomb()] * 20, data=bytes(52)),
    "PNG with a profile of 300 MB": lambda: _png(
        4, 4, _chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(300_000_000))), data=bytes(52)
    ),
    "PNG with 900 MB of pixels": lambda: _png(4, 4, data=bytes(900_000_000)),
    "PNG cut off": lambda: _encoded("PNG", (64, 64))[:90],
    "TIFF whose pages form a ring": lambda: _tiff(_sized(4, 4), 8),
    "TIFF of 10^9 x 1": lambda: _tiff(_sized(10**9, 1)),
    "TIFF of a tag of 4 GB": lambda: _tiff([*_sized(4, 4), (700, 1, 2**32 - 1, 8)]),
    "TIFF of 65,535 tags": lambda: _tiff([(256, 4, 1, 4)] * 65_535),
    "GIF of 20,000 frames": lambda: _encoded("GIF", (9, 9), "P") * 2000,
    "icon of 256 images": lambda: b"\0\0\1\0\xff\xff" + b"\0" * 9000,
    "empty": lambda: b"",
    "name of escape sequences": lambda: b"no image",
}
_ENDINGS = {"as .jpg": ".jpg", "as .gif": ".gif", "as .bmp": ".bmp", "JPEG": ".jpg", "GIF": ".gif"}
_ENDINGS |= {"WebP": ".webp", "TIFF": ".tif", "BMP": ".bmp", "icon": ".ico"}


def _image(name: str, make: Callable[[], bytes]) -> Callable[[], None]:
    def prepare() -> None:
        _honest_images()
        ending = next((e for part, e in _ENDINGS.items() if part in name), ".png")
        stem = "a\x1b[31m\x1b]0;x\x07" if "escape" in name else "b"
        Path("images", stem + ending).write_bytes(make())

    return prepare


def _honest_images() -> None:
    os.mkdir("images")
    for number in range(12):
        Path("images", f"{number}.png").write_bytes(_encoded("PNG"))


PLANTED_IMAGES: dict[str, Callable[[], object]] = {
    "a pipe": lambda: os.mkfifo("images/b.png"),
    "a device": lambda: os.symlink("/dev/zero", "images/b.png"),
    "a link to itself": lambda: os.symlink("b.png", "images/b.png"),
    "a ring of folders": lambda: os.symlink("..", "images/more"),
    "a pipe without an ending": lambda: os.mkfifo("images/b"),
    "a device without an ending": lambda: os.symlink("/dev/zero", "images/b"),
}


def _with_images(plant: Callable[[], object]) -> Callable[[], None]:
    def prepare() -> None:
        _honest_images()
        plant()

    return prepare


def _table(content: bytes | Callable[[], bytes]) -> Callable[[], None]:
    return lambda: Path("given.csv").write_bytes(
        content if isinstance(content, bytes) else content()
    )  # type: ignore[func-returns-value]


def _columns(count: int, rows: int = 3) -> bytes:
    line = ",".join(f"c{i}" for i in range(count))
    return "\n".join([line, *[",".join(["1"] * count)] * rows]).encode()


_ROWS = b"".join(b"%d,%d\n" % (i, i * i % 7) for i in range(40))
TABLES: dict[str, Callable[[], object]] = {
    "a million columns": _table(lambda: _columns(10**6)),
    "60,000 columns": _table(lambda: _columns(60_000, 30)),
    "60,000 equal columns": _table(lambda: b",".join([b"a"] * 60_000) + b"\n" + _ROWS),
    "60,000 unnamed columns": _table(b"," * 60_000 + b"\n" + _ROWS),
    "60,000 columns of numbers": _table(lambda: _columns(60_000).replace(b"c", b"")),
    "one line of 300 MB": _table(lambda: b"1," * 150_000_000),
    "one cell of 300 MB": _table(lambda: b"a,b\n" + b"1" * 300_000_000 + b",2\n"),
    "an open quote of 200 MB": _table(lambda: b'a,b\n"' + b"x\n" * 100_000_000),
    "a name of 100 KB": _table(b"x" * 100_000 + b",b\n" + _ROWS),
    "200 MB of blank lines": _table(lambda: b"a,b\n" + b"\n" * 200_000_000 + _ROWS),
    "NUL bytes": _table(b"a,b\n1,\0" + b"2\n" + _ROWS),
    "NUL in a name": _table(b"a\0,b\n" + _ROWS),
    "escape sequences in a name": _table(b"a\x1b]0;x\x07,a\x1b]0;x\x07\n" + _ROWS),
    "escape sequences in a cell": _table(b"a,b\n1,\x1b[2J\x1b[31m\n" + _ROWS),
    "a column of escape sequences": _table(b"a,\x1b[31mb\n1,x\n" + _ROWS),
    "a number of 100,000 digits": _table(b"a,b\n1," + b"9" * 100_000 + b"\n" + _ROWS),
    "a number of exponent 10^8": _table(b"a,b\n1,1e-99999999\n" + _ROWS),
    "a number of 10^6 decimals": _table(b"a,b\n1,9007199254740993." + b"0" * 10**6 + b"\n" + _ROWS),
    "not a number": _table(b"a,b\n1,nan\n2,inf\n" + _ROWS),
    "ragged": _table(b"a,b\n1\n2,3,4\n" + _ROWS),
    "UTF-16": _table("a,b\n1,2\n".encode("utf-16")),
    "other digits": _table(b"a,b\n\xd9\xa1,\xd9\xa2\n"),
    "only a mark": _table(b"\xef\xbb\xbf"),
    "returns alone": _table(b"a,b\r1,2\r" * 20),
    "a pipe": lambda: os.mkfifo("given.csv"),
    "a device": lambda: os.symlink("/dev/zero", "given.csv"),
    "random bytes": lambda: os.symlink("/dev/urandom", "given.csv"),
    "a terminal": lambda: os.symlink("/dev/ptmx", "given.csv"),
    "a folder": lambda: os.mkdir("given.csv"),
    "a memory": lambda: os.symlink("/proc/self/mem", "given.csv"),
    "100 GB with holes": lambda: (_table(b"a,b\n")(), os.truncate("given.csv", 10**11)),
}


def _idx(content: Callable[[], bytes], name: str = "given.idx") -> Callable[[], None]:
    return lambda: Path(name).write_bytes(content())  # type: ignore[func-returns-value]


def _header(*shape: int, kind: int = 8) -> bytes:
    return bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


FILES: dict[str, Callable[[], object]] = {
    "2 GB in 2 MB.gz": _idx(lambda: _header(2_000_000, 1000) + gzip.compress(b"")),
    "1 GB of zeros.gz": _idx(
        lambda: gzip.compress(_header(10**6, 1000) + bytes(10**9), 1), "given.gz"
    ),
    "1 GB and no header.gz": _idx(lambda: gzip.compress(bytes(10**9), 1), "given.gz"),
    "gzip in gzip.gz": _idx(lambda: gzip.compress(gzip.compress(bytes(10**8))), "given.gz"),
    "500,000 members.gz": _idx(lambda: gzip.compress(b"") * 500_000, "given.gz"),
    "sizes that overflow": _idx(lambda: _header(2**32 - 1, 2**32 - 1, 2**16)),
    "sizes whose product is 0": _idx(lambda: _header(2**31, 2**31, 4) + b""),
    "255 dimensions": _idx(lambda: bytes([0, 0, 8, 255]) + bytes(4 * 255)),
    "100 dimensions of 1": _idx(lambda: _header(*[1] * 100) + b"\7"),
    "no dimension": _idx(lambda: b"\0\0\x08\0x"),
    "doubles": _idx(lambda: _header(2, 2, kind=14) + bytes(32)),
    "empty": _idx(lambda: b""),
    "a pipe": lambda: os.mkfifo("given.idx"),
    "a device": lambda: os.symlink("/dev/zero", "given.idx"),
    "a pipe.gz": lambda: os.mkfifo("given.gz"),
    "a device.gz": lambda: os.symlink("/dev/zero", "given.gz"),
}


def data_inputs() -> Iterator[Input]:
    """Yields images, tables and IDX files."""
    images = used_data(lambda: ImageFolder("images", 16, batch_size=2))
    skipping = used_data(lambda: ImageFolder("images", 16, batch_size=2, broken="skip"))
    yield Input(_IMAGE, HONEST, _honest_images, images)
    for number, (name, make) in enumerate(IMAGES.items()):
        yield Input(_IMAGE, name, _image(name, make), (images, skipping)[number % 2])
    for name, plant in PLANTED_IMAGES.items():
        yield Input(_IMAGE, name, _with_images(plant), images)
    table = used_data(lambda: CSVTable("given.csv", batch_size=2))
    yield Input(_CSV, HONEST, _table(b"a,b\n" + _ROWS), table)
    for name, prepare in TABLES.items():
        yield Input(_CSV, name, prepare, table)

    def read(name: str) -> Callable[[], object]:
        return used_data(lambda: _Module(name))

    honest = _idx(lambda: _header(10, 4) + np.zeros(40, np.uint8).tobytes())
    yield Input(_IDX, HONEST, honest, read("given.idx"))
    for name, prepare in FILES.items():
        gz = name.endswith(".gz") and "2 GB in" not in name
        yield Input(_IDX, name, prepare, read("given.gz" if gz else "given.idx"))


class _Module:
    """A data module that reads an IDX file."""

    def __init__(self, name: str) -> None:
        self._name = name

    def prepare_data(self) -> None:
        """Does nothing."""

    def setup(self, stage: str) -> None:
        """Reads the file."""
        self.values = read_idx(Path(self._name))

    def train_dataloader(self) -> object:
        """Returns the values."""
        return self.values
