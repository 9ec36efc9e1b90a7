"""Original examples over their reconstructions."""

from pathlib import Path

import pytest
import torch

from callbacks import Reconstructions
from lightning_modules import EnergyVAE
from tests.callbacks.runs import image_names, read_image, run
from tests.helpers import TinyImages, TinyRows, tiny_decoder, tiny_encoder

FILE = "epoch-0001-reconstructions"


def tile(written: torch.Tensor, line: int, column: int) -> torch.Tensor:
    """Returns one 8 x 8 image of a grid, its first channel in [0, 1]."""
    return written[0, 1 + 9 * line :, 1 + 9 * column :][:8, :8] / 255


def test_each_line_of_originals_is_over_its_reconstructions(tmp_path: Path) -> None:
    data = TinyImages(batch_size=24)
    trainer = run(tmp_path, Reconstructions(num_examples=5, columns=3), data=data)
    written = read_image(tmp_path / "images" / f"{FILE}.png")
    assert written.shape == (3, 4 * 9 + 1, 3 * 9 + 1)  # two lines of originals
    images, _ = next(iter(data.val_dataloader()))
    model = trainer.lightning_module.eval()
    with torch.no_grad():
        decoded = model.decode(model.encode(images))
    for number, (line, column) in enumerate([(0, 0), (0, 1), (0, 2), (2, 0), (2, 1)]):
        close = {"rtol": 0, "atol": 1 / 255}  # eight bits per pixel
        torch.testing.assert_close(tile(written, line, column), images[number, 0], **close)
        torch.testing.assert_close(tile(written, line + 1, column), decoded[number, 0], **close)
    assert tile(written, 2, 2).std() < 1e-6  # no sixth example
    assert tile(written, 3, 2).std() < 1e-6


def test_fewer_examples_than_num_examples(tmp_path: Path) -> None:
    run(tmp_path, Reconstructions(num_examples=64, columns=16))
    written = read_image(tmp_path / "images" / f"{FILE}.png")
    assert written.shape == (3, 2 * 9 + 1, 8 * 9 + 1)  # a tenth of 80 is held out


@pytest.mark.parametrize("num_examples", [1, 3, 12])
def test_rows_of_a_table(num_examples: int, tmp_path: Path) -> None:
    model = EnergyVAE((64,), 2, tiny_encoder, tiny_decoder)
    run(tmp_path, Reconstructions(num_examples), model=model, data=TinyRows(batch_size=24))
    assert image_names(tmp_path) == {FILE}
    assert read_image(tmp_path / "images" / f"{FILE}.png").float().std() > 1


class TwoChannels(TinyImages):
    """Images of two channels, which PNG does not support."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return (2, 8, 4)

    def read(self, train: bool) -> tuple[torch.Tensor, torch.Tensor]:
        images, labels = super().read(train)
        return images.reshape(-1, 2, 8, 4), labels


def test_images_of_two_channels_are_not_shown(tmp_path: Path) -> None:
    model = EnergyVAE((2, 8, 4), 2, tiny_encoder, tiny_decoder)
    run(tmp_path, Reconstructions(), model=model, data=TwoChannels(batch_size=24))
    assert image_names(tmp_path) == set()


@pytest.mark.parametrize("name", ["num_examples", "columns"])
def test_wrong_arguments(name: str) -> None:
    with pytest.raises(ValueError, match=f"`{name}` must be at least 1, got 0"):
        Reconstructions(**{name: 0})
