"""Files of images are whole or absent; rows of a table stay in the manifest."""

import os
from pathlib import Path

import pytest
import torch
from PIL import Image

from commands.sample.files import write_samples


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_images_are_rounded_to_gray_levels(channels: int, mode: str, tmp_path: Path) -> None:
    levels = torch.tensor([0.0, 0.5, 1.0, 1.2]).expand(2, channels, 1, 4)
    entries = write_samples(tmp_path, range(7, 9), levels)
    assert entries == [{"id": 7, "file": "00000007.png"}, {"id": 8, "file": "00000008.png"}]
    with Image.open(tmp_path / "00000008.png") as image:
        assert image.mode == mode
        assert list(image.convert("L").tobytes()) == [0, 128, 255, 255]
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("shape", [(2, 3), (2, 2, 4, 4)])
def test_rows_stay_in_the_entry(shape: tuple[int, ...], tmp_path: Path) -> None:
    rows = torch.arange(float(torch.Size(shape).numel())).reshape(shape)
    entries = write_samples(tmp_path, [3, 4], rows)
    assert [entry["id"] for entry in entries] == [3, 4]
    assert torch.equal(torch.tensor([entry["values"] for entry in entries]), rows)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_file_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_samples(tmp_path, [0], torch.zeros(1, 1, 2, 2))
    before = (tmp_path / "00000000.png").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_samples(tmp_path, [0], torch.ones(1, 1, 2, 2))
    assert (tmp_path / "00000000.png").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1
