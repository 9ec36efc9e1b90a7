"""Folders of images: classes, splits, refused folders and files."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from datamodules import DataError, ImageFolder
from tests.datamodules.image_files import RED, write_image, write_images

GREEN = (0, 255, 0)


def test_subfolders_are_classes(tmp_path: Path) -> None:
    write_image(tmp_path / "b" / "deeper" / "1.png", GREEN)
    write_image(tmp_path / "a" / "1.jpg", RED)
    write_image(tmp_path / "b" / "2.PNG", GREEN)
    images, labels = ImageFolder(str(tmp_path), 4, num_test=0).read(train=True)
    assert images.shape == (3, 3, 4, 4)
    assert images.dtype == torch.uint8
    assert labels.tolist() == [0, 1, 1]
    # JPEG keeps plain colours to a few levels
    assert images[0].float().mean((1, 2)).tolist() == pytest.approx(RED, abs=3)
    assert images[1].float().mean((1, 2)).tolist() == pytest.approx(GREEN)


def test_a_flat_folder_is_one_class(tmp_path: Path) -> None:
    write_images(tmp_path, 3)
    write_image(tmp_path / ".hidden" / "1.png")
    (tmp_path / "._0.png").write_bytes(b"a resource fork")
    (tmp_path / "notes.txt").touch()
    (tmp_path / "empty").mkdir()
    data = ImageFolder(str(tmp_path), 4, channels=1, num_test=0)
    with pytest.warns(UserWarning, match=r"3 images are read, 1 other files are left out: notes"):
        images, labels = data.read(train=True)
    assert images[:, 0, 0, 0].tolist() == [0, 1, 2]
    assert labels.tolist() == [0, 0, 0]
    assert data.image_shape == (1, 4, 4)


def test_serves_floats(tmp_path: Path) -> None:
    write_images(tmp_path, 100)
    data = ImageFolder(str(tmp_path), 4, batch_size=81)
    data.prepare_data()
    data.setup("fit")
    images, _ = next(iter(data.train_dataloader()))
    assert images.shape == (81, 3, 4, 4)
    assert images.max() < 101 / 255


def test_a_tenth_is_the_test_set(tmp_path: Path) -> None:
    data = ImageFolder(str(write_images(tmp_path, 30)), 1, channels=1)
    train, test = (data.read(train)[0].flatten().tolist() for train in (True, False))
    assert len(test) == 3
    assert sorted(train + test) == list(range(30))


def test_another_folder_is_the_test_set(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_images(tmp_path / "train" / name, 3)
    write_images(tmp_path / "test" / "b", 2)
    data = ImageFolder(str(tmp_path / "train"), 4, test_path=str(tmp_path / "test"))
    assert data.read(train=True)[1].tolist() == [0, 0, 0, 1, 1, 1]
    assert data.read(train=False)[1].tolist() == [1, 1]


def test_binarised(tmp_path: Path) -> None:
    for i, gray in enumerate((0, 127, 128, 255)):
        write_image(tmp_path / f"{i}.png", (gray, gray, gray))
    data = ImageFolder(str(tmp_path), 1, 1, 4, num_test=0, num_validation=0, binarize=True)
    data.setup("fit")
    ((images, _),) = data.train_dataloader()
    assert sorted(images.flatten().tolist()) == [0, 0, 1, 1]


def test_images_beside_classes(tmp_path: Path) -> None:
    write_image(tmp_path / "a" / "1.png")
    write_image(tmp_path / "2.png")
    with pytest.raises(DataError, match=r"must hold images or subfolders .* 2.png beside a; m"):
        ImageFolder(str(tmp_path), 4).read(train=True)


@pytest.mark.parametrize("other", ["test", "val", "valid", "validation"])
def test_splits_are_no_classes(tmp_path: Path, other: str) -> None:
    for name in ("train", other):
        write_image(tmp_path / name / "1.png")
    with pytest.raises(DataError, match=f"has subfolders train and {other}, which are no classes"):
        ImageFolder(str(tmp_path), 4).read(train=True)


def test_an_empty_class(tmp_path: Path) -> None:
    write_image(tmp_path / "a" / "1.png")
    for name in ("__MACOSX", ".cache", "old~"):
        (tmp_path / name).mkdir()
    assert ImageFolder(str(tmp_path), 4, num_test=0).read(train=True)[1].tolist() == [0]
    (tmp_path / "b").mkdir()
    with pytest.raises(DataError, match="b' holds no image; remove it or fill it"):
        ImageFolder(str(tmp_path), 4).read(train=True)


def test_a_class_that_training_lacks(tmp_path: Path) -> None:
    write_image(tmp_path / "train" / "a" / "1.png")
    write_image(tmp_path / "test" / "c" / "1.png")
    write_image(tmp_path / "flat" / "1.png")
    for name, shown in (("test", "'c'"), ("flat", "none")):
        data = ImageFolder(str(tmp_path / "train"), 4, test_path=str(tmp_path / name))
        with pytest.raises(DataError, match=f"`test_path` must have the subfolders .* has {shown}"):
            data.read(train=False)


def test_nothing_to_test(tmp_path: Path) -> None:
    data = ImageFolder(str(write_images(tmp_path, 3)), 4, num_test=0)
    with pytest.raises(DataError, match=r"needs a test image, got 0 in all; .* more test images"):
        data.setup("test")


def test_broken_files_of_both_splits_are_named_at_once(tmp_path: Path) -> None:
    broken = [f"{i:03d}.png" for i in range(0, 30, 7)]
    for name in broken:
        (write_images(tmp_path, 30) if name == "000.png" else tmp_path).joinpath(name).write_bytes(
            b"<html>not found</html>"
        )
    with pytest.raises(DataError, match=r"5 of 30 images in") as refusal:
        ImageFolder(str(tmp_path), 4).read(train=True)  # a tenth of them is for testing
    assert all(name in str(refusal.value) for name in broken)


@pytest.mark.filterwarnings("ignore:.*are left out")
def test_broken_files_are_left_out_and_splits_do_not_change(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_images(tmp_path / name, 20)
    whole = ImageFolder(str(tmp_path), 1, channels=1).read(train=True)[0].flatten().tolist()
    for i in (3, 4):
        (tmp_path / "a" / f"{i:03d}.png").write_bytes(b"")
    data = ImageFolder(str(tmp_path), 1, channels=1, broken="skip")
    images, labels = data.read(train=True)
    test, _ = data.read(train=False)
    assert len(images) + len(test) == 38
    assert len(labels) == len(images)
    left = images.flatten().tolist()
    assert left == [shade for i, shade in enumerate(whole) if i not in lost(whole, left)]
    assert labels.unique().tolist() == [0, 1]


def lost(before: list[int], after: list[int]) -> set[int]:
    """Returns the places of the examples that are missing from the second list."""
    places, remaining = set(), list(after)
    for i, shade in enumerate(before):
        if remaining and remaining[0] == shade:
            remaining.pop(0)
        else:
            places.add(i)
    return places


@pytest.mark.filterwarnings("ignore:.*are left out")
def test_a_class_without_readable_images(tmp_path: Path) -> None:
    write_images(tmp_path / "a", 3)
    (write_images(tmp_path / "b", 1) / "000.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"b' holds no image that can be read"):
        ImageFolder(str(tmp_path), 4, num_test=0, broken="skip").read(train=True)


def test_transparent_pixels_show_the_background(tmp_path: Path) -> None:
    for i in range(3):
        Image.new("RGBA", (4, 4), (0, 255, 0, 0)).save(tmp_path / f"{i}.png")
    for background, level in ({}, 255), ({"background": "black"}, 0):
        images, _ = ImageFolder(str(tmp_path), 4, num_test=0, **background).read(train=True)
        assert images.unique().tolist() == [level]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_size": 0}, "`image_size` must be at least 1, got 0"),
        ({"channels": 2}, "`channels` must be 1 or 3, got 2"),
        ({"broken": "stop"}, "`broken` must be error or skip, got stop"),
        ({"background": "whyte"}, "`background` must be a colour"),
        ({"num_test": -1}, "`num_test` must be at least 0, got -1"),
        (
            {"num_test": 3, "test_path": "b"},
            "`num_test` must be left out beside `test_path`, got 3",
        ),
    ],
)
def test_wrong_arguments(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ImageFolder(**{"path": "a", "image_size": 4, **arguments})
