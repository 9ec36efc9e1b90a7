"""Files as pictures: crops, conversions, and files that are refused."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datamodules import DataError
from datamodules.picture_file import check_picture_size, is_picture, read_picture
from tests.datamodules.picture_files import write_picture


@pytest.mark.parametrize("size", [(12, 4), (4, 12)])
def test_the_centred_square_is_kept(tmp_path: Path, size: tuple[int, int]) -> None:
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    pixels[tuple(slice(4, 8) if side == 12 else slice(None) for side in size[::-1])] = 200
    Image.fromarray(pixels).save(tmp_path / "1.png")
    assert read_picture(tmp_path / "1.png", (3, 2, 2)).unique().tolist() == [200]


def test_pictures_are_upright(tmp_path: Path) -> None:
    picture = Image.fromarray(np.array([[0, 0], [200, 200]], np.uint8))
    exif = picture.getexif()
    exif[0x0112] = 3  # orientation: turned by 180 degrees
    picture.save(tmp_path / "1.png", exif=exif)
    assert read_picture(tmp_path / "1.png", (1, 2, 2))[0].tolist() == [[200, 200], [0, 0]]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK"])
def test_other_kinds_are_converted(tmp_path: Path, mode: str) -> None:
    file = tmp_path / ("1.tif" if mode == "CMYK" else "1.png")
    Image.new("RGB", (4, 4), (255, 255, 255)).convert(mode).save(file)
    for channels in (1, 3):
        image = read_picture(file, (channels, 4, 4))
        assert image.shape == (channels, 4, 4)
        assert image.unique().tolist() == [255]


def refusal(file: Path) -> str | None:
    try:
        read_picture(file, (3, 4, 4))
    except DataError as error:
        return str(error)
    return None


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "ppm", "tif", "webp"])
def test_damaged_files_are_named(tmp_path: Path, suffix: str) -> None:
    file = write_picture(tmp_path / f"1.{suffix}", size=(64, 64))
    whole = file.read_bytes()
    random = np.random.default_rng(0)
    damages = [b"", b"<html>not found</html>", whole[: len(whole) // 2], whole[:20]]
    for _ in range(30):
        position, value = random.integers(len(whole)), random.integers(256)
        damages.append(whole[:position] + bytes([value]) + whole[position + 1 :])
    refusals = []
    for damage in damages:
        file.write_bytes(damage)
        refusals.append(refusal(file))
    assert None not in refusals[:2]
    for message in filter(None, refusals):  # a wrong byte may leave a picture
        assert re.search(rf"1\.{suffix}' (cannot be read as a pic|must have 8 bits)", message)


@pytest.mark.parametrize(
    "error", [OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError]
)
def test_all_that_decoders_raise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fail(file: Path) -> None:
        raise error("what it says")

    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(DataError, match=r"1.png' cannot be read as a picture \(what it says\); re"):
        read_picture(tmp_path / "1.png", (3, 4, 4))


def test_deep_pictures(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4), 40000, np.uint16)).save(tmp_path / "1.png")
    with pytest.raises(DataError, match=r"1.png' must have 8 bits a channel, .* I;16; convert it"):
        read_picture(tmp_path / "1.png", (3, 4, 4))


def test_which_files_are_pictures(tmp_path: Path) -> None:
    for name, expected in {"a.JPG": True, ".a.jpg": False, "a.txt": False, "none": False}.items():
        if name != "none":
            (tmp_path / name).touch()
        assert is_picture(tmp_path / name) == expected
    (tmp_path / "folder.png").mkdir()
    assert not is_picture(tmp_path / "folder.png")


@pytest.mark.parametrize(
    ("size", "channels", "message"),
    [(0, 3, "`image_size` must be at least 1, got 0"), (8, 2, "`channels` must be 1 or 3, got 2")],
)
def test_sizes_that_cannot_be_made(size: int, channels: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_picture_size(size, channels)
