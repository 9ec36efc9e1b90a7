"""Image files that a stranger's gallery names: common formats, in one folder, of usual size."""

import os
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from hawc.sheets.image_file import ImageFileError, read_image
from tests.hawc.sheets.rows import colors, save_image


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_common_formats(suffix: str, tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    (folder / "below").mkdir(parents=True)
    path = save_image(folder / "below" / f"an image.{suffix}")
    for name in (f"below/an image.{suffix}", str(path), f"./below/../below/{path.name}"):
        image = read_image(name, folder, 16)
        assert (image.size, image.mode) == ((20, 10), "RGB")
        assert all(r > 240 and g < 10 and b < 10 for r, g, b in colors(image))


def test_a_relative_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_image(tmp_path / "a.png")
    monkeypatch.chdir(tmp_path)
    assert read_image("a.png", Path(), 16).size == (20, 10)


def test_a_large_jpeg_is_decoded_at_a_smaller_size(tmp_path: Path) -> None:
    save_image(tmp_path / "large.jpg", (4000, 3000))
    assert read_image("large.jpg", tmp_path, 100).size == (500, 375)


def test_the_camera_orientation_counts(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.new("RGB", (20, 10)).save(tmp_path / "turned.jpg", exif=exif)
    assert read_image("turned.jpg", tmp_path, 16).size == (10, 20)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("missing.png", "the file is missing"),
        ("../outside.png", "the file is in another folder"),
        ("/etc/passwd", "the file is in another folder"),
        ("link.png", "the file is in another folder"),
        ("pipe", "not a regular file"),
        (".", "not a regular file"),
        ("text.png", "no readable PNG, JPEG or WebP"),
        ("cut.png", "no readable PNG, JPEG or WebP"),
        ("image.gif", "no readable PNG, JPEG or WebP"),
        ("vector.eps", "no readable PNG, JPEG or WebP"),
        ("bomb.png", "the image is too large"),
        ("null\0byte.png", "not a file's name"),
        ("x" * 5000, "not a file's name"),
        ("~/a.png", "the file is missing"),
        ("http://localhost/a.png", "the file is missing"),
    ],
)
def test_other_files_are_not_read(name: str, problem: str, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    outside = save_image(tmp_path / "outside.png")
    (folder / "link.png").symlink_to(outside)
    os.mkfifo(folder / "pipe")
    (folder / "text.png").write_text("no image")
    (folder / "cut.png").write_bytes(outside.read_bytes()[:45])
    (folder / "vector.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    save_image(folder / "image.gif")
    (folder / "bomb.png").write_bytes(png_of(30_000, 30_000))
    with pytest.raises(ImageFileError, match=f"^{problem}$"):
        read_image(name, folder, 16)


def png_of(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it has so many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
