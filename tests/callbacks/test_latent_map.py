"""The grid of decoded latents and the scatter plot, in any dimension and for tables."""

from pathlib import Path

import pytest
import torch

from callbacks import LatentMap
from callbacks.latent_map import normal_grid
from lightning_modules import EnergyVAE
from tests.callbacks.runs import image_names, read_image, run
from tests.callbacks.test_reconstructions import tile
from tests.helpers import TinyRows, tiny_decoder, tiny_encoder, tiny_energy_vae

GRID, LATENTS = "epoch-0001-latent-grid", "epoch-0001-latents"


def test_grid_points_have_equal_shares() -> None:
    points = normal_grid(4)
    probabilities = torch.special.ndtr(points)
    expected = torch.tensor([0.125, 0.375, 0.625, 0.875])
    torch.testing.assert_close(probabilities[:4, 0], expected)  # from left to right
    torch.testing.assert_close(probabilities[:4, 1], torch.full((4,), 0.875))  # the first line
    torch.testing.assert_close(probabilities[::4, 1], expected.flip(0))


def test_grid_shows_the_decoded_points(tmp_path: Path) -> None:
    trainer = run(tmp_path, LatentMap(grid_size=3))
    assert image_names(tmp_path) == {GRID, LATENTS}
    written = read_image(tmp_path / "images" / f"{GRID}.png")
    assert written.shape == (3, 3 * 9 + 1, 3 * 9 + 1)
    model = trainer.lightning_module.eval()
    with torch.no_grad():
        decoded = model.decode(normal_grid(3))
    for number in range(9):
        shown = tile(written, number // 3, number % 3)
        torch.testing.assert_close(shown, decoded[number, 0], rtol=0, atol=1 / 255)


@pytest.mark.parametrize("latent_dim", [1, 3, 8])
def test_other_dimensions_have_no_grid(latent_dim: int, tmp_path: Path) -> None:
    run(tmp_path, LatentMap(), model=tiny_energy_vae(latent_dim=latent_dim))
    assert image_names(tmp_path) == {LATENTS}


def test_tables_have_no_grid(tmp_path: Path) -> None:
    model = EnergyVAE((64,), 2, tiny_encoder, tiny_decoder)
    run(tmp_path, LatentMap(), model=model, data=TinyRows(batch_size=24))
    assert image_names(tmp_path) == {LATENTS}


def test_the_seed_determines_the_samples_of_the_prior(tmp_path: Path) -> None:
    written = []
    for number, seed in enumerate((0, 0, 1)):
        folder = tmp_path / str(number)
        run(folder, LatentMap(seed=seed))
        written.append(read_image(folder / "images" / f"{LATENTS}.png"))
    assert torch.equal(written[0], written[1])
    assert not torch.equal(written[0], written[2])


@pytest.mark.parametrize(
    ("name", "value", "least"), [("max_examples", 0, 1), ("grid_size", 0, 1), ("seed", -1, 0)]
)
def test_wrong_arguments(name: str, value: int, least: int) -> None:
    with pytest.raises(ValueError, match=f"`{name}` must be at least {least}, got {value}"):
        LatentMap(**{name: value})
