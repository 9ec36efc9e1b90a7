"""Images in the run's folder and in W&B, pixel by pixel."""

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
import torch
from lightning.pytorch.loggers import WandbLogger
from PIL import Image

from callbacks.base.images import LoggedImage, are_images, grid, log_image, new_figure
from tests.callbacks.runs import image_names, read_image
from tests.helpers import quiet_trainer


class Recorder(WandbLogger):
    """Records what would be sent."""

    def __init__(self) -> None:
        self.logged: list[tuple[Any, ...]] = []

    def log_image(
        self, key: str, images: list[Any], step: int | None = None, **kwargs: Any
    ) -> None:
        self.logged.append((key, images, kwargs["caption"]))


def test_a_grid_is_written_and_sent(tmp_path: Path) -> None:
    images = torch.rand(4, 3, 5, 6)
    recorder = Recorder()
    trainer = quiet_trainer(tmp_path)
    trainer.loggers = [recorder]
    log_image(trainer, LoggedImage("samples/new", grid(images, 2), "four of them"), 7)
    written = read_image(tmp_path / "images" / "epoch-0007-new.png")
    assert written.shape == (3, 2 * 6 + 1, 2 * 7 + 1)
    expected = images[3].mul(255).round().byte()
    assert torch.equal(written[:, 7:12, 8:14], expected)
    ((key, (pixels,), caption),) = recorder.logged
    assert key == "samples/new"
    assert caption == ["epoch 7: four of them"]
    assert np.array_equal(pixels, written.permute(1, 2, 0).numpy())


def test_a_full_disk_leaves_the_earlier_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, black = quiet_trainer(tmp_path), torch.zeros(3, 4, 4)
    log_image(trainer, LoggedImage("samples/all_samples", black, "", replaces_earlier=True), 1)
    save = Image.Image.save

    def fail(self: Image.Image, file: BinaryIO, *arguments: str) -> None:
        save(self, file, *arguments)
        file.truncate(20)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="No space left"):
        log_image(
            trainer, LoggedImage("samples/all_samples", black + 1, "", replaces_earlier=True), 2
        )
    assert read_image(tmp_path / "images" / "all_samples.png").max() == 0
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["all_samples.png"]


def test_a_figure_is_written(tmp_path: Path) -> None:
    figure = new_figure(3, 2)
    figure.subplots().plot([0, 1], [0, 1])
    log_image(quiet_trainer(tmp_path), LoggedImage("images/line", figure, "a line"), 1)
    written = read_image(tmp_path / "images" / "epoch-0001-line.png")
    assert written.shape == (3, 200, 300)  # inches by 100 dots
    assert written.float().std() > 1  # not empty


def test_one_file_for_all_epochs(tmp_path: Path) -> None:
    trainer = quiet_trainer(tmp_path)
    for epoch, shade in ((1, 0.0), (2, 1.0)):
        content = torch.full((3, 4, 4), shade)
        log_image(
            trainer, LoggedImage("samples/all_samples", content, "", replaces_earlier=True), epoch
        )
    assert image_names(tmp_path) == {"all_samples"}
    assert read_image(tmp_path / "images" / "all_samples.png").min() == 255


def test_values_outside_the_range_are_clipped(tmp_path: Path) -> None:
    content = torch.tensor([-0.5, 1.5]).expand(3, 1, 2)
    log_image(quiet_trainer(tmp_path), LoggedImage("cut", content, ""), 1)
    written = read_image(tmp_path / "images" / "epoch-0001-cut.png")
    assert written[0].tolist() == [[0, 255]]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((2, 1, 4, 4), True), ((2, 3, 4, 4), True), ((2, 2, 4, 4), False), ((2, 13), False)],
)
def test_images_have_one_or_three_channels(shape: tuple[int, ...], expected: bool) -> None:
    assert are_images(torch.zeros(shape)) is expected
