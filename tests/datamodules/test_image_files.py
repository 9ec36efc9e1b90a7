"""Images of a folder; messages for broken files and for files that are no images."""

from pathlib import Path

import pytest
from PIL import Image

from datamodules import DataError
from datamodules.image_files import ImageReader, find_images
from tests.datamodules.image_files import write_image, write_images

SHAPE = (1, 2, 2)


def names(folder: Path) -> list[str]:
    return [str(file.relative_to(folder)) for file in find_images(folder)]


def break_some(folder: Path, *numbers: int) -> None:
    for number in numbers:
        (folder / f"{number:03d}.png").write_bytes(b"<html>not found</html>")


@pytest.mark.filterwarnings("error")
def test_formats_of_pillow_and_names_without_an_ending(tmp_path: Path) -> None:
    for number in range(3):
        for ending in ("png", "gif", "jfif", "JPG", "Webp", "bmp", "tga", "ico"):
            write_image(tmp_path / f"{number}.{ending}", size=(16, 16))
    for name in ("none", "photo 3.5 of May", "1.jpg_large", "2.0001", "ünï cödé 図"):
        write_image(tmp_path / "as.png").rename(tmp_path / name)
    assert len(find_images(tmp_path)) == 3 * 8 + 5
    images, whole = ImageReader((3, 2, 2)).read(find_images(tmp_path), tmp_path)
    assert whole.all()
    # JPEG keeps plain colours to a few levels
    assert images[:, 0].min() >= 250
    assert images[:, 1:].max() <= 5


@pytest.mark.filterwarnings("error")
def test_hidden_files_and_files_of_operating_systems_are_ignored(tmp_path: Path) -> None:
    write_image(tmp_path / "1.png")
    write_image(tmp_path / ".hidden" / "1.png")
    write_image(tmp_path / "__MACOSX" / "1.png")
    for name in (".DS_Store", "._1.png", "Thumbs.db", "desktop.ini", "1.png~", "1~"):
        (tmp_path / name).write_bytes(b"\0\1")
    assert names(tmp_path) == ["1.png"]


def test_other_files_are_counted_once(tmp_path: Path) -> None:
    write_images(tmp_path, 2)
    others = ["a.txt", "b.json", "c.pdf", "d.h5", "e.eps", "f.mpg", "g.svg", "notes", "h"]
    for name in others:
        (tmp_path / name).write_text("no image")
    with pytest.warns(UserWarning, match="other files are left out") as warnings:
        assert names(tmp_path) == ["000.png", "001.png"]
    (warning,) = warnings
    expected = (
        "2 images are read, 9 other files are left out: a.txt, b.json, c.pdf, d.h5, e.eps and"
    )
    assert str(warning.message) == f"'{tmp_path}': {expected} 4 more."


def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    write_image(tmp_path / "elsewhere" / "deep" / "1.png")
    write_image(tmp_path / "elsewhere" / "2.png")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data" / "3.png").symlink_to(tmp_path / "elsewhere" / "2.png")
    (tmp_path / "elsewhere" / "loop").symlink_to(tmp_path / "data")
    assert names(tmp_path / "data") == ["3.png", "linked/2.png", "linked/deep/1.png"]


def test_a_dangling_link_is_a_broken_image(tmp_path: Path) -> None:
    (tmp_path / "1.png").symlink_to(tmp_path / "none.png")
    with pytest.raises(
        DataError, match=r"1 of 1 images in .* 1\.png \(No such file or directory\)"
    ):
        ImageReader(SHAPE).read(find_images(tmp_path), tmp_path)


def test_a_folder_may_be_named_like_an_image(tmp_path: Path) -> None:
    write_image(tmp_path / "x.png" / "1.png")
    assert names(tmp_path) == ["x.png/1.png"]


def test_folders_without_images(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none' must be a folder of images, and there is no such"):
        find_images(tmp_path / "none")
    with pytest.raises(
        DataError, match=r"holds no image that can be read, such as \.jpg, \.png or"
    ):
        find_images(tmp_path)
    (tmp_path / "a.svg").touch()
    with pytest.raises(DataError, match=r"such as .*, only a\.svg; put some there or name another"):
        find_images(tmp_path)


def test_all_broken_files_are_named_at_once(tmp_path: Path) -> None:
    files = find_images(write_images(tmp_path, 9))
    break_some(tmp_path, 2, 7)
    files[4].write_bytes(b"")
    with pytest.raises(DataError) as refusal:
        ImageReader(SHAPE).read(files, tmp_path)
    assert str(refusal.value) == (
        f"3 of 9 images in '{tmp_path}' cannot be read: 002.png (no image of a format that "
        "is read), 004.png (empty), 007.png (no image of a format that is read); repair or remove "
        "them, or set `broken` to skip."
    )


def test_of_many_broken_files_five_are_named(tmp_path: Path) -> None:
    files = find_images(write_images(tmp_path, 9))
    break_some(tmp_path, *range(7))
    with pytest.raises(DataError, match=r"7 of 9 .*, 004\.png \([^)]*\) and 2 more; repair"):
        ImageReader(SHAPE).read(files, tmp_path)


def test_a_truncated_photograph(tmp_path: Path) -> None:
    file = tmp_path / "1.jpg"
    Image.effect_noise((64, 64), 50).save(file)
    file.write_bytes(file.read_bytes()[:800])
    with pytest.raises(DataError, match=r"1\.jpg \(image file is truncated"):
        ImageReader(SHAPE).read([file], tmp_path)


def test_broken_files_are_left_out(tmp_path: Path) -> None:
    files = find_images(write_images(tmp_path, 5))
    break_some(tmp_path, 1, 3)
    with pytest.warns(
        UserWarning, match=r"2 of 5 .*: 001\.png .*, 003\.png .*; they are left out\."
    ):
        images, whole = ImageReader(SHAPE, broken="skip").read(files, tmp_path)
    assert whole.tolist() == [True, False, True, False, True]
    assert images[whole, 0, 0, 0].tolist() == [0, 2, 4]


def test_no_readable_file(tmp_path: Path) -> None:
    files = find_images(write_images(tmp_path, 2))
    break_some(tmp_path, 0, 1)
    with pytest.raises(DataError, match=r"2 of 2 images in .* cannot be read: .*; repair some\."):
        ImageReader(SHAPE, broken="skip").read(files, tmp_path)


def test_transparent_pixels_show_the_background(tmp_path: Path) -> None:
    Image.new("RGBA", (2, 2), (0, 255, 0, 0)).save(tmp_path / "1.png")
    images, _ = ImageReader((3, 1, 1), background="navy").read([tmp_path / "1.png"], tmp_path)
    assert images.flatten().tolist() == [0, 0, 128]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"broken": "stop"}, "`broken` must be error or skip, got stop"),
        ({"background": "whyte"}, "`background` must be a colour such as .*, got 'whyte'"),
    ],
)
def test_wrong_arguments(arguments: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ImageReader(SHAPE, **arguments)
