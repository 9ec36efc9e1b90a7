from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from examples.generators import seeds_only
from hawc import DatabaseHistory
from hawc.samplers import Features


@pytest.fixture
def history(tmp_path: Path) -> DatabaseHistory:
    return DatabaseHistory(tmp_path / "images.db", seeds_only.ROWS, create=True)


def test_images_are_made_again_from_their_seeds(history: DatabaseHistory) -> None:
    images = seeds_only.new_images(history, seeds_only.black_box, 4, range(50))
    rows = [*history]
    assert [row.latent for row in rows] == [None] * 4
    assert len({row.seed for row in rows}) == 4
    for row, image in zip(rows, images, strict=True):
        assert np.array_equal(np.asarray(row.decoded(seeds_only.black_box)), np.asarray(image))
        assert row.metadata == {"size": [32, 32]}
        assert row.generator_name == "black box 1"


def test_the_same_seeds_on_the_next_day_give_other_images(
    tmp_path: Path, history: DatabaseHistory
) -> None:
    seeds_only.new_images(history, seeds_only.black_box, 4, range(50))
    again = DatabaseHistory(tmp_path / "images.db")  # its rows are recorded
    seeds_only.new_images(again, seeds_only.black_box, 4, range(50))
    assert len({row.seed for row in history}) == 8


def test_images_are_further_apart_than_those_of_random_seeds(history: DatabaseHistory) -> None:
    for first in range(0, 300, 50):
        seeds_only.new_images(history, seeds_only.black_box, 4, range(first, first + 50))
    closest = torch.pdist(history.view()).min()
    features = seeds_only.features_of(map(seeds_only.black_box, range(1000, 1480)))
    others = torch.from_numpy(features).split(24)
    assert closest > np.mean([float(torch.pdist(each).min()) for each in others])


def test_sheet_shows_the_images_of_all_days(tmp_path: Path) -> None:
    for _ in range(2):
        seeds_only.main([str(tmp_path / "images.db")])
    with Image.open(tmp_path / "images.png") as sheet:
        assert sheet.size == (8 * 32, 2 * 32)
        assert np.asarray(sheet).std() > 10


def test_features_that_are_not_finite_record_nothing(
    history: DatabaseHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seeds_only, "features_of", lambda images: np.full((50, 48), np.nan))
    with pytest.raises(ValueError, match="`features`"):
        seeds_only.new_images(history, seeds_only.black_box, 4, range(50))
    assert len(history) == 0


def test_a_black_box_that_fails_records_nothing(history: DatabaseHistory) -> None:
    def failing(seed: int) -> Image.Image:
        if seed == 30:
            raise MemoryError("out of memory")
        return seeds_only.black_box(seed)

    with pytest.raises(MemoryError):
        seeds_only.new_images(history, failing, 4, range(50))
    assert len(history) == 0


def test_features_of_another_name_are_refused(tmp_path: Path, history: DatabaseHistory) -> None:
    seeds_only.new_images(history, seeds_only.black_box, 2, range(20))
    with pytest.raises(ValueError, match="DINO"):
        DatabaseHistory(tmp_path / "images.db", Features(48, name="DINO"))


def test_a_row_without_a_seed_cannot_be_made_again(history: DatabaseHistory) -> None:
    (index,) = history.add(seeds_only.features_of([Image.new("RGB", (32, 32))]))
    with pytest.raises(ValueError, match="cannot be made again"):
        history[index].decoded(seeds_only.black_box)
