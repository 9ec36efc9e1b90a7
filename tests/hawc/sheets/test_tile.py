"""A row's tile: decoded, from its file, or gray with the reason."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from hawc.sheets.tile import tile_of
from tests.hawc.sheets.rows import colors, row_of, save_image


def test_a_latent_is_decoded_in_its_shape() -> None:
    tile = tile_of(row_of(latent=torch.zeros(16)), 32, None, torch.sigmoid, (1, 4, 4))
    assert tile.image is not None
    assert tile.image.size == (32, 32)
    assert colors(tile.image) == {(128, 128, 128)}


def test_a_seed_is_decoded() -> None:
    tile = tile_of(row_of(seed=9), 16, None, lambda seed: Image.new("RGB", (4, 2), (seed, 0, 0)))
    assert tile.image is not None
    assert tile.image.size == (16, 8)
    assert colors(tile.image) == {(9, 0, 0)}


@pytest.mark.parametrize(("size", "fitted"), [((96, 30), (32, 10)), ((10, 5), (30, 15))])
def test_images_fit(size: tuple[int, int], fitted: tuple[int, int], tmp_path: Path) -> None:
    save_image(tmp_path / "a.png", size)
    tile = tile_of(row_of(metadata={"file": "a.png"}), 32, tmp_path)
    assert tile.image is not None
    assert tile.image.size == fitted


def test_a_row_that_cannot_be_decoded_shows_its_file(tmp_path: Path) -> None:
    save_image(tmp_path / "a.png", color="blue")
    tile = tile_of(row_of(metadata={"file": "a.png"}), 32, tmp_path, lambda _: 1 / 0)
    assert tile.image is not None
    assert colors(tile.image) == {(0, 0, 255)}


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        ({}, "no image"),
        ({"file": 3}, "no image"),
        ({"file": ""}, "no image"),
        ({"file": "b.png"}, "the file is missing"),
    ],
)
def test_a_row_without_an_image_says_why(
    metadata: dict[str, object], problem: str, tmp_path: Path
) -> None:
    tile = tile_of(row_of(metadata=metadata), 32, tmp_path)
    assert (tile.image, tile.problem) == (None, problem)


def test_no_file_is_read_without_a_folder(tmp_path: Path) -> None:
    path = save_image(tmp_path / "a.png")
    assert tile_of(row_of(metadata={"file": str(path)}), 32, None).problem == "no folder is given"


def test_details_are_all_texts() -> None:
    row = row_of(
        *(3,), condition="a café", tags=("good", "cup"), seed=7, metadata={"score": 0.5, "n": "é"}
    )
    assert tile_of(row, 32, None).details.splitlines() == [
        *("id: 3", "condition: a café", "tags: good, cup", "seed: 7"),
        *("created: 2026-11-02 08:30:00+00:00", 'metadata: {"score": 0.5, "n": "é"}'),
    ]


def test_a_decoder_that_returns_no_images_is_an_error() -> None:
    with pytest.raises(ValueError, match="`decode` must return images"):
        tile_of(row_of(seed=1), 32, None, lambda seed: np.zeros(seed))
