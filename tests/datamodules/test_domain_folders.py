"""Folders as domains: pairs by name or order, broken files, refused folders."""

from pathlib import Path

import pytest
from PIL import Image

from datamodules import DataError, TwoFolders
from tests.datamodules.image_files import write_image, write_images


def folders(tmp_path: Path, n_a: int, n_b: int, **arguments: str) -> TwoFolders:
    """Images in shades of grey by their number."""
    for name, n in (("a", n_a), ("b", n_b)):
        if n:
            write_images(tmp_path / name, n)
    return TwoFolders(str(tmp_path / "a"), str(tmp_path / "b"), 2, channels=1, **arguments)


def shades(data: TwoFolders) -> list[list[int]]:
    return [domain[:, 0, 0, 0].tolist() for domain in data.read(train=True)]


def test_images_at_any_depth_that_are_not_hidden(tmp_path: Path) -> None:
    data = folders(tmp_path, 2, 3)
    write_image(tmp_path / "a" / "deeper" / "1.jpg", (9, 9, 9))
    write_image(tmp_path / "a" / ".hidden" / "1.png")
    (tmp_path / "b" / "notes.txt").touch()
    with pytest.warns(UserWarning, match=r"b': 3 images are read, 1 other files are left out"):
        assert shades(data) == [[0, 1, 9], [0, 1, 2]]
    assert not data.is_paired
    assert data.image_shape == (1, 2, 2)


def test_pairs_by_name_with_any_ending(tmp_path: Path) -> None:
    data = folders(tmp_path, 3, 0, pairing="name")
    for i in range(3):
        write_image(tmp_path / "b" / f"{i:03d}.bmp", (7 + i,) * 3)
    assert shades(data) == [[0, 1, 2], [7, 8, 9]]
    assert data.is_paired


def test_pairs_by_order(tmp_path: Path) -> None:
    data = folders(tmp_path, 2, 0, pairing="order")
    write_image(tmp_path / "b" / "x.png", (5, 5, 5))
    write_image(tmp_path / "b" / "y.png", (6, 6, 6))
    assert shades(data) == [[0, 1], [5, 6]]


def test_pairs_of_different_number(tmp_path: Path) -> None:
    data = folders(tmp_path, 2, 3, pairing="order")
    with pytest.raises(DataError, match=r"as many images each, got 2 in '.*a' and 3 in '.*b'; c"):
        data.read(train=True)


@pytest.mark.parametrize(("n_a", "n_b", "alone"), [(2, 3, "b/002.png"), (4, 2, "a/002.png")])
def test_an_image_without_partner(tmp_path: Path, n_a: int, n_b: int, alone: str) -> None:
    data = folders(tmp_path, n_a, n_b, pairing="name")
    count, total = abs(n_a - n_b), max(n_a, n_b)
    message = rf"{alone}' has no partner of its name in .* \({count} of {total} images have none\)"
    with pytest.raises(DataError, match=message):
        data.read(train=True)


def break_some(folder: Path, *numbers: int) -> None:
    for number in numbers:
        (folder / f"{number:03d}.png").write_bytes(b"<html>not found</html>")


def test_broken_files_of_both_domains_are_named(tmp_path: Path) -> None:
    data = folders(tmp_path, 3, 3)
    break_some(tmp_path / "a", 2)
    break_some(tmp_path / "b", 0, 1)
    message = r"1 of 3 images in '.*a' .*: 002\.png .* 2 of 3 images in '.*b' .* 000\.png .*, 001\."
    with pytest.raises(DataError, match=message):
        data.read(train=True)


@pytest.mark.parametrize(
    ("pairing", "left"), [("none", [[0, 2, 3], [0, 1, 2]]), ("name", [[0, 2], [0, 2]])]
)
def test_broken_files_are_left_out(tmp_path: Path, pairing: str, left: list[list[int]]) -> None:
    data = folders(tmp_path, 4, 4, pairing=pairing, broken="skip")
    break_some(tmp_path / "a", 1)
    break_some(tmp_path / "b", 3)
    with pytest.warns(UserWarning, match=r"1 of 4 images in .*a' .*: 001\.png .*are left out"):
        assert shades(data) == left


@pytest.mark.filterwarnings("ignore:.*are left out")
def test_no_readable_pair(tmp_path: Path) -> None:
    data = folders(tmp_path, 2, 2, pairing="order", broken="skip")
    break_some(tmp_path / "a", 0)
    break_some(tmp_path / "b", 1)
    with pytest.raises(DataError, match=r"a' and '.*b' hold no pair that can be read"):
        data.read(train=True)
    break_some(tmp_path / "b", 0)
    with pytest.raises(DataError, match=r"2 of 2 images in .*b' cannot be read"):
        data.read(train=True)


def test_transparent_pixels_show_the_background(tmp_path: Path) -> None:
    data = folders(tmp_path, 1, 1, background="#0a0a0a")
    Image.new("RGBA", (4, 4), (0, 255, 0, 0)).save(tmp_path / "b" / "000.png")
    assert shades(data) == [[0], [10]]


def test_missing_and_empty_folders(tmp_path: Path) -> None:
    data = folders(tmp_path, 1, 0)
    with pytest.raises(DataError, match=r"b' must be a folder of images, and there is no"):
        data.read(train=True)
    (tmp_path / "b").mkdir()
    with pytest.raises(DataError, match=r"b' holds no image that can be read, such as \.jpg"):
        data.read(train=True)


@pytest.mark.parametrize("pairing", ["none", "name", "order"])
def test_two_images_of_one_name_matter_in_pairs_only(tmp_path: Path, pairing: str) -> None:
    data = folders(tmp_path, 2, 1, pairing=pairing)
    write_image(tmp_path / "b" / "000.bmp", (9, 9, 9))
    if pairing == "none":
        assert shades(data) == [[0, 1], [9, 0]]
        return
    message = r"b' must hold one image of a name .* in pairs, got 000\.bmp and 000\.png; rem"
    with pytest.raises(DataError, match=message):
        data.read(train=True)


def test_endings_do_not_change_which_images_are_a_pair(tmp_path: Path) -> None:
    data = folders(tmp_path, 0, 0, pairing="name")
    for file, shade in (("a/x.png", 1), ("a/x.b.png", 2), ("b/x.BMP", 1), ("b/x.b.png", 2)):
        write_image(tmp_path / file, (shade,) * 3)
    assert shades(data) == [[1, 2], [1, 2]]


def test_names_with_a_point_and_without_an_ending_are_pairs(tmp_path: Path) -> None:
    data = folders(tmp_path, 0, 0, pairing="name")
    for name, shade in (("shot 3.5 m", 1), ("shot 3.6 m", 2)):
        write_image(tmp_path / "b" / f"{name}.png", (shade,) * 3)
        write_image(tmp_path / "a" / "as.png", (shade,) * 3).rename(tmp_path / "a" / name)
    assert shades(data) == [[1, 2], [1, 2]]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("pairing", "names", "`pairing` must be none, name or order, got names"),
        ("broken", "stop", "`broken` must be error or skip, got stop"),
    ],
)
def test_wrong_arguments(name: str, value: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TwoFolders("a", "b", 4, **{name: value})
