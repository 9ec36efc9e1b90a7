"""A stranger's generator: PIL images, one at a time, in a folder with a space in its path."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from hawc.gallery_commands import main
from hawc.history import DatabaseHistory, Gallery

pytestmark = pytest.mark.integration

CHECKOUT = Path(__file__).parents[2]
PROMPT = "a house \N{HOUSE BUILDING}\nwith a 'red' roof, " * 80
SCRIPT = f"""
import numpy as np
from PIL import Image
from torch import Tensor
from hawc import DatabaseHistory, FeatureSampler, StandardNormal

weights = np.random.default_rng(0).normal(size=(8, 12))

def generate(latents: Tensor) -> list[Image.Image]:
    colors = 255 / (1 + np.exp(-latents.numpy().reshape(1, 8) @ weights))
    return [Image.fromarray(colors.astype(np.uint8).reshape(2, 2, 3)).resize((16, 16))]

def embed(images: list[Image.Image]) -> np.ndarray:
    return np.stack([np.asarray(image.resize((2, 2))).flatten() / 255 for image in images])

sampler = FeatureSampler(
    StandardNormal(8), latent_shape=(2, 2, 2), decode=generate, features=embed, batch_size=1,
    history=DatabaseHistory("images.db", condition={PROMPT!r}, create=True),
    num_candidates=32, num_steps=0,
)
for _ in range(2):
    sampled = sampler.sample_images(4)
    for i, image in zip(sampled.ids, sampled.images):
        image.save(f"new {{i}}.png")
    sampler.history.annotate(sampled.ids, [{{"file": f"new {{i}}.png"}} for i in sampled.ids])
    again = sampler.remake(sampled.ids)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(again, sampled.images))
"""


def start(folder: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-c", SCRIPT], cwd=folder, env=environment)


def test_remembers_images_of_two_processes_and_of_the_next_day(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "my images"
    folder.mkdir()
    for processes in (2, 1):
        assert [started.wait(120) for started in [start(folder) for _ in range(processes)]] == (
            [0] * processes
        )
    store = folder / "images.db"
    assert Gallery(store).conditions() == {PROMPT: 24}
    history = DatabaseHistory(store, condition=PROMPT)
    assert len(history.points().unique(dim=0)) == 24
    files = [row.metadata["file"] for row in history]
    assert files == [f"new {i}.png" for i in range(24)]

    history.forget([5])
    for name in ("sheet.png", "sheet.html"):
        assert (
            main(["gallery", "sheet", str(store), "--condition", PROMPT, str(folder / name)]) == 0
        )
    assert "wrote 23 images" in capsys.readouterr().out
    with Image.open(folder / "sheet.png") as sheet:
        colors = sheet.convert("RGB").getcolors(2**20)
    assert colors is not None
    assert len(colors) > 100  # images rather than gray tiles
    assert (folder / "sheet.html").read_text().count("data:image/png") == 23

    with pytest.raises(ValueError, match=r"got \.\.\..*rooof.*the nearest are \.\.\..*roof"):
        DatabaseHistory(store, condition=PROMPT[:-7] + "rooof, ")
