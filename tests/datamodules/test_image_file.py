"""Files as images: crops, conversions, transparency, 16 bits, refused files."""

import os
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datamodules import DataError
from datamodules.image_file import check_background, check_image_size, read_image
from hawc.io import images
from tests.datamodules.image_files import write_image


@pytest.mark.parametrize("size", [(12, 4), (4, 12)])
def test_the_central_square_is_kept(tmp_path: Path, size: tuple[int, int]) -> None:
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    pixels[tuple(slice(4, 8) if side == 12 else slice(None) for side in size[::-1])] = 200
    Image.fromarray(pixels).save(tmp_path / "1.png")
    assert read_image(tmp_path / "1.png", (3, 2, 2)).unique().tolist() == [200]


def test_images_are_upright(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 0], [200, 200]], np.uint8))
    exif = image.getexif()
    exif[0x0112] = 3  # orientation: rotated by 180 degrees
    image.save(tmp_path / "1.png", exif=exif)
    assert read_image(tmp_path / "1.png", (1, 2, 2))[0].tolist() == [[200, 200], [0, 0]]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK"])
def test_other_kinds_are_converted(tmp_path: Path, mode: str) -> None:
    file = tmp_path / ("1.tif" if mode == "CMYK" else "1.png")
    Image.new("RGB", (4, 4), (255, 255, 255)).convert(mode).save(file)
    for channels in (1, 3):
        image = read_image(file, (channels, 4, 4))
        assert image.shape == (channels, 4, 4)
        assert image.unique().tolist() == [255]


# a red square whose right half is transparent, with green behind it
HALF = Image.fromarray(
    np.array([[[255, 0, 0, 255], [255, 0, 0, 255], [0, 255, 0, 0], [0, 255, 0, 0]]] * 4, np.uint8)
)
COLORS = Image.fromarray(np.asarray(HALF)[..., :3].copy())


def gray_half(mode: str) -> Image.Image:
    return HALF.convert("LA").convert(mode)


def palette(transparency: int | bytes) -> Callable[[Path], None]:
    """Saves red and green as colours 0 and 1 of a palette, of which some are transparent."""

    def save(file: Path) -> None:
        image = Image.fromarray(np.array([[0, 0, 1, 1]] * 4, np.uint8))
        image.putpalette([255, 0, 0, 0, 255, 0])
        image.save(file, transparency=transparency)

    return save


def write_deep_png(file: Path, values: np.ndarray, transparent: list[int] | None = None) -> None:
    """Writes 16 bits per channel, (h, w) or (h, w, 3); Pillow cannot write them in colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, 2 * (values.ndim == 3), 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    if transparent is not None:
        content += chunk(b"tRNS", np.array(transparent, ">u2").tobytes())
    file.write_bytes(content + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


TRANSPARENT: dict[str, Callable[[Path], None]] = {
    "rgba.png": HALF.save,
    "rgba.webp": lambda file: HALF.save(file, lossless=True, exact=True),
    "rgba.tif": HALF.save,
    "la.png": gray_half("LA").save,
    "palette.png": palette(1),
    "palette with alpha.png": palette(bytes([255, 0])),
    "palette.gif": palette(1),
    "one colour.png": lambda file: COLORS.save(file, transparency=(0, 255, 0)),
    "one grey.png": lambda file: COLORS.convert("L").save(file, transparency=150),
    "one grey of 16 bits.png": lambda file: write_deep_png(
        file, np.array([[19532, 19532, 40000, 40000]] * 4), [40000]
    ),
    "one colour of 16 bits.png": lambda file: write_deep_png(
        file, np.array([[[65535, 0, 0]] * 2 + [[999, 65535, 300]] * 2] * 4), [999, 65535, 300]
    ),
}


@pytest.mark.parametrize("name", TRANSPARENT)
@pytest.mark.parametrize(
    ("background", "behind"), [("white", [255] * 3), ("black", [0] * 3), ("#102030", [16, 32, 48])]
)
def test_transparent_pixels_show_the_background(
    tmp_path: Path, name: str, background: str, behind: list[int]
) -> None:
    TRANSPARENT[name](tmp_path / name)
    image = read_image(tmp_path / name, (3, 4, 4), background)
    front = [76] * 3 if name.startswith(("la", "one grey")) else [255, 0, 0]
    assert image[:, :, :2].flatten(1).unique(dim=1).flatten().tolist() == front
    assert image[:, :, 2:].flatten(1).unique(dim=1).flatten().tolist() == behind
    gray = read_image(tmp_path / name, (1, 4, 4), background)
    assert gray[0, :, 2:].unique().tolist() == [round(np.dot(behind, [0.299, 0.587, 0.114]))]


def test_hidden_colors_do_not_bleed_at_edges(tmp_path: Path) -> None:
    Image.fromarray(np.array([[[255, 255, 255, 255], [0, 255, 0, 0]]] * 2, np.uint8)).save(
        tmp_path / "1.png"
    )
    assert read_image(tmp_path / "1.png", (3, 1, 1)).flatten().tolist() == [255, 255, 255]


def test_half_transparent(tmp_path: Path) -> None:
    Image.new("RGBA", (2, 2), (255, 0, 0, 128)).save(tmp_path / "1.png")
    assert read_image(tmp_path / "1.png", (3, 1, 1)).flatten().tolist() == [255, 127, 127]


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_gray_of_16_bits_is_scaled(tmp_path: Path, suffix: str) -> None:
    levels = np.array([[0, 257, 32896, 65535]] * 4, np.uint16)
    if suffix == "pgm":
        (tmp_path / "1.pgm").write_bytes(b"P5 4 4 65535\n" + levels.astype(">u2").tobytes())
    else:
        Image.fromarray(levels).save(tmp_path / f"1.{suffix}")
    for channels in (1, 3):
        image = read_image(tmp_path / f"1.{suffix}", (channels, 4, 4))
        assert image[-1, 0].tolist() == [0, 1, 128, 255]


def write_tiff(file: Path, bits: int, photometric: int, level: int) -> None:
    """Writes 4 x 4 pixels of one grey, also with 12 bits or 0 as white, unlike Pillow."""
    packed = "".join(f"{level:0{bits}b}" for _ in range(16))
    data = int(packed, 2).to_bytes(2 * bits, "big")
    data = np.frombuffer(data, ">u2").astype("<u2").tobytes() if bits == 16 else data
    numbers = [(256, 4), (257, 4), (258, bits), (259, 1), (262, photometric), (273, 8), (277, 1)]
    numbers += [(278, 4), (279, len(data))]
    tags = b"".join(struct.pack("<HHIHH", tag, 3, 1, number, 0) for tag, number in numbers)
    start = b"II*\0" + struct.pack("<I", 8 + len(data)) + data
    file.write_bytes(start + struct.pack("<H", len(numbers)) + tags + struct.pack("<I", 0))


@pytest.mark.parametrize(
    ("bits", "photometric", "level", "expected"),
    [
        *((12, 1, 4095, 255), (12, 1, 2048, 128), (16, 1, 65535, 255), (8, 0, 0, 255)),
        *((16, 0, 0, 255), (16, 0, 65535, 0), (16, 0, 21845, 170)),
    ],
)
def test_tags_of_tiff_define_white(
    tmp_path: Path, bits: int, photometric: int, level: int, expected: int
) -> None:
    write_tiff(tmp_path / "1.tif", bits, photometric, level)
    assert read_image(tmp_path / "1.tif", (1, 4, 4)).unique().tolist() == [expected]


def test_colors_of_16_bits_are_scaled(tmp_path: Path) -> None:
    write_deep_png(tmp_path / "1.png", np.array([[[0, 32896, 65535]] * 2] * 2))
    assert read_image(tmp_path / "1.png", (3, 2, 2))[:, 0, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize(("mode", "dtype"), [("I", np.int32), ("F", np.float32)])
def test_32_bits_are_refused(tmp_path: Path, mode: str, dtype: type) -> None:
    Image.fromarray(np.full((4, 4), 40000, dtype)).save(tmp_path / "1.tif")
    message = rf"32 bits per channel \(Pillow's mode {mode}\); convert it"
    with pytest.raises(DataError, match=message):
        read_image(tmp_path / "1.tif", (3, 4, 4))


@pytest.mark.parametrize("suffix", ["gif", "webp", "apng", "tif"])
def test_the_first_frame_of_animations(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "green", "blue")]
    options = {"lossless": True} if suffix == "webp" else {}
    file = tmp_path / f"1.{suffix}"
    frames[0].save(file, save_all=True, append_images=frames[1:], **options)
    with pytest.warns(UserWarning, match="of images with several frames the first is read"):
        image = read_image(file, (3, 2, 2))
    assert image[:, 0, 0].tolist() == [255, 0, 0]


def refusal(file: Path) -> str | None:
    try:
        read_image(file, (3, 4, 4))
    except DataError as error:
        return str(error)
    return None


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "ppm", "tif", "webp", "gif", "tga", "psd"])
@pytest.mark.filterwarnings("ignore")  # of Pillow, about metadata
def test_damaged_files_are_refused(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"1.{suffix}"
    write_image(tmp_path / "1.png" if suffix == "psd" else file, size=(64, 64))
    whole = (tmp_path / "1.png" if suffix == "psd" else file).read_bytes()
    random = np.random.default_rng(0)
    damages = [b"", b"<html>not found</html>", whole[: len(whole) // 2], whole[:20]]
    for _ in range(30):
        position, value = random.integers(len(whole)), random.integers(256)
        damages.append(whole[:position] + bytes([value]) + whole[position + 1 :])
    refusals = []
    for damage in damages:
        file.write_bytes(damage)
        refusals.append(refusal(file))
    assert refusals[:2] == ["empty", "no image of a format that is read"]
    for message in filter(None, refusals):  # with a wrong byte the image may still be readable
        assert str(file) not in message
        assert len(message) <= 80


@pytest.mark.parametrize("error", [OSError, SyntaxError, KeyError, ZeroDivisionError])
def test_errors_of_decoders_become_data_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error("the reason")

    write_image(tmp_path / "1.png")
    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(DataError, match=r"the reason"):
        read_image(tmp_path / "1.png", (3, 4, 4))


@pytest.mark.parametrize(
    "content",
    [
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"%PDF-1.4\n",
        b"\xd7\xcd\xc6\x9a" + bytes(36),
        b"\x80\0\0\0\x12\xaf\1\0" + bytes(120),
        b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
        b"GRIB" + bytes(4) + b"\2" + bytes(99),
        b"/* XPM */\nstatic char *a[] = {",
    ],
    ids=["EPS", "PDF", "WMF", "FLI", "SVG", "GRIB", "XPM"],
)
@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "eps"])
def test_other_formats_are_not_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, suffix: str
) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)
    file = tmp_path / f"1.{suffix}"
    file.write_bytes(content)
    assert refusal(file) == "no image of a format that is read"


def test_pipes_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "1.png")
    assert "a regular file is required, got a pipe" in str(refusal(tmp_path / "1.png"))


def test_images_that_claim_too_much_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_image(tmp_path / "1.png", size=(13_300, 13_300 // 100))
    assert refusal(file) is None
    monkeypatch.setattr(images, "_MAX_MEMORY", 4_000_000)
    assert refusal(file) == ("at most 1,000,000 pixels are read of such PNG, got 13,300 x 133")


@pytest.mark.parametrize(
    ("size", "channels", "message"),
    [(0, 3, "`image_size` must be at least 1, got 0"), (8, 2, "`channels` must be 1 or 3, got 2")],
)
def test_wrong_sizes_are_refused(size: int, channels: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_image_size(size, channels)


@pytest.mark.parametrize("background", ["whyte", "", "#12", "#ffffff80", None, 3])
def test_backgrounds_that_are_no_color(background: str) -> None:
    with pytest.raises(ValueError, match="`background` must be a colour such as white, black or "):
        check_background(background)
    check_background("rebeccapurple")
