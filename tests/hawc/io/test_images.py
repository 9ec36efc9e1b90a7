"""Image files are refused by what they claim; bands give the same pixels as whole images."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from hawc.io import images
from hawc.io.images import ImageSizeError, open_image, orientation_of, resized


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(61, 40), (40, 61)])
def test_bands_give_the_same_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, orientation: int, size: tuple[int, int]
) -> None:
    monkeypatch.setattr(images, "_BAND", 300)
    exif = Image.Exif()
    exif[0x0112] = orientation
    noise(*size).save(tmp_path / "1.png", exif=exif)
    with open_image(tmp_path / "1.png", ("PNG",)) as image:
        image.load()
        expected = ImageOps.exif_transpose(image).resize((9, 7), Image.Resampling.BICUBIC)
        box = (0, 0, *(size if orientation < 5 else size[::-1]))
        got = resized(image, box, (9, 7), orientation_of(image), lambda part: part)
    assert got.tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("suffix", "options", "limit"),
    [
        ("png", {}, 2500),
        ("jpg", {}, 2500),
        ("jpg", {"progressive": True, "subsampling": 0}, 1000),
        ("webp", {}, 625),
        ("jp2", {}, 526),
    ],
)
def test_the_bound_is_what_the_decoder_needs(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
    options: dict[str, object],
    limit: int,
) -> None:
    monkeypatch.setattr(images, "_MAX_MEMORY", 10_000)
    formats = ("PNG", "JPEG", "WEBP", "JPEG2000")
    file = tmp_path / f"1.{suffix}"
    noise(51, 50).save(file, **options)
    message = rf"^at most {limit:,} pixels are read of such \w+, got 51 x 50$"
    with (
        pytest.raises(ImageSizeError, match=message),
        open_image(tmp_path / f"1.{suffix}", formats),
    ):
        pass
    noise(limit // 20, 20).save(tmp_path / f"2.{suffix}", **options)
    with open_image(tmp_path / f"2.{suffix}", formats) as image:
        image.load()


def test_sides(tmp_path: Path) -> None:
    Image.new("1", (1_000_001, 1)).save(tmp_path / "1.png")
    message = "sides of at most 1,000,000 are read"
    with pytest.raises(ImageSizeError, match=message), open_image(tmp_path / "1.png", ("PNG",)):
        pass


def test_many_scans_of_jpeg(tmp_path: Path) -> None:
    file = tmp_path / "1.jpg"
    noise(16, 16).save(file, progressive=True)
    content = file.read_bytes()
    last = content.rindex(b"\xff\xda")
    file.write_bytes(content[:last] + 40 * content[last:-2] + content[-2:])
    message = "at most 32 scans of JPEG"
    with pytest.raises(ImageSizeError, match=message), open_image(file, ("JPEG",)):
        pass
