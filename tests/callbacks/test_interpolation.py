"""Lines of images between two originals: their reconstructions and the two paths."""

from pathlib import Path

import pytest
import torch

from callbacks import Interpolation
from callbacks.base.latent_paths import spherical_path
from lightning_modules import EnergyVAE
from tests.callbacks.runs import image_names, read_image, run
from tests.callbacks.test_reconstructions import tile
from tests.helpers import TinyImages, TinyRows, tiny_decoder, tiny_encoder

FILE = "epoch-0001-interpolation"


def test_a_pair_has_two_lines_between_its_originals(tmp_path: Path) -> None:
    data = TinyImages(batch_size=24)
    trainer = run(tmp_path, Interpolation(num_pairs=3, num_steps=4), data=data)
    written = read_image(tmp_path / "images" / f"{FILE}.png")
    assert written.shape == (3, 6 * 9 + 1, 6 * 9 + 1)
    images, _ = next(iter(data.val_dataloader()))
    model = trainer.lightning_module.eval()
    with torch.no_grad():
        latents = model.encode(images)
        decoded = model.decode(latents)
        halfway = model.decode(spherical_path(latents[2:3], latents[3:4], 4)[0])
    close = {"rtol": 0, "atol": 1 / 255}  # eight bits per pixel
    for line in (2, 3):  # of the second pair
        torch.testing.assert_close(tile(written, line, 0), images[2, 0], **close)
        torch.testing.assert_close(tile(written, line, 1), decoded[2, 0], **close)
        torch.testing.assert_close(tile(written, line, 4), decoded[3, 0], **close)
        torch.testing.assert_close(tile(written, line, 5), images[3, 0], **close)
    for column in (2, 3):
        torch.testing.assert_close(tile(written, 3, column), halfway[column - 1, 0], **close)
    assert not torch.equal(tile(written, 2, 2), tile(written, 3, 2))


def test_fewer_pairs_than_num_pairs(tmp_path: Path) -> None:
    run(tmp_path, Interpolation(num_pairs=10, num_steps=2))
    written = read_image(tmp_path / "images" / f"{FILE}.png")
    assert written.shape == (3, 8 * 9 + 1, 4 * 9 + 1)  # 8 examples are held out: four pairs


def test_one_example_has_no_pair(tmp_path: Path) -> None:
    run(tmp_path, Interpolation(), data=TinyImages(batch_size=24, num_validation=1))
    assert image_names(tmp_path) == set()


def test_rows_of_a_table(tmp_path: Path) -> None:
    model = EnergyVAE((64,), 2, tiny_encoder, tiny_decoder)
    run(tmp_path, Interpolation(), model=model, data=TinyRows(batch_size=24))
    assert image_names(tmp_path) == {FILE}
    assert read_image(tmp_path / "images" / f"{FILE}.png").float().std() > 1


def test_panels_have_the_names_of_the_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NamedRows(TinyRows):
        column_names = tuple(f"column {i}" for i in range(64))

    figures = []
    monkeypatch.setattr(
        "callbacks.base.epoch_images.log_image", lambda trainer, image, epoch: figures.append(image)
    )
    for data in (NamedRows(batch_size=24), TinyRows(batch_size=24)):
        model = EnergyVAE((64,), 2, tiny_encoder, tiny_decoder)
        run(tmp_path, Interpolation(), model=model, data=data)
    titles = [figure.content.axes[1].get_title() for figure in figures]
    assert titles == ["column 1", "feature 2"]


@pytest.mark.parametrize(
    ("name", "value", "least"), [("num_pairs", 0, 1), ("num_steps", 1, 2), ("every_n_epochs", 0, 1)]
)
def test_wrong_arguments(name: str, value: int, least: int) -> None:
    with pytest.raises(ValueError, match=f"`{name}` must be at least {least}, got {value}"):
        Interpolation(**{name: value})
