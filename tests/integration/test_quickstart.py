"""The README's first command, whole: what it promises of its gallery, on the real digits."""

import csv
import os
import sys
from pathlib import Path

import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor

import train
from datamodules import MNIST5k
from lightning_modules import EnergyVAE

CONFIG = Path(__file__).parents[2] / "configs" / "energy_vae_mnist5k.yaml"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quickstart") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["train.py"])
        patch.setenv("WANDB_MODE", "offline")
        quiet = ("--trainer.enable_progress_bar", "false", "--trainer.accelerator", "cpu")
        train.main(["--config", str(CONFIG), "--run_folder", str(folder), *quiet])
    return folder


def test_gallery_is_closer_to_its_distribution_than_independent_draws(run_folder: Path) -> None:
    with (run_folder / "metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["sampling/squared_distance"]]
    ratios = [
        float(row["sampling/squared_distance"])
        / float(row["sampling/independent_squared_distance"])
        for row in rows
    ]
    print("distance of the gallery over that of i.i.d. samples:", [round(r, 3) for r in ratios])
    assert len(ratios) == 50
    assert max(ratios) <= 0.35


def test_images_are_recognisable_digits(run_folder: Path) -> None:
    """Four of the five nearest real digits of a image agree on what it shows."""
    checkpoint = run_folder / "checkpoints" / "last.ckpt"
    model = EnergyVAE.load_from_checkpoint(checkpoint, map_location="cpu").eval()
    saved = torch.load(checkpoint, weights_only=True)
    latents = saved["callbacks"]["HistoryAwareSampling"]["points"]
    data = MNIST5k()
    real, labels = data.read(train=True)
    judge = KNeighborsClassifier(5).fit(real.flatten(1).numpy() / 255, labels.numpy())

    def agreement(images: Tensor) -> tuple[float, int]:
        votes = judge.predict_proba(images.flatten(1).numpy())
        clear = votes.max(1) >= 0.8
        return float(clear.mean()), len(set(votes[clear].argmax(1)))

    with torch.no_grad():
        generated, num_digits = agreement(model.decode(latents))
    held_out, _ = agreement(data.read(train=False)[0] / 255)
    print(f"clear to four of five neighbours: {generated:.3f} of the gallery, {held_out:.3f} real")
    assert num_digits == 10
    assert generated > 0.8 * held_out  # 0.76 to 0.89; with the paper's latent weight of 100, 0.68


@pytest.mark.skipif(
    not (Path(os.environ.get("HAWC_DATA", "data")) / "cifar-10-batches-py").is_dir(),
    reason="no CIFAR-10 in HAWC_DATA",
)
def test_wgan_trains_on_real_cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py"])
    few = ("--trainer.max_epochs", "1", "--trainer.limit_train_batches", "20")
    config, folder = str(CONFIG.with_name("wgan_cifar.yaml")), tmp_path / "run"
    train.main(["--config", config, *few, "--run_folder", str(folder)])
    saved = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    steps = saved["alternating_steps"]
    assert (steps["critic_step"], steps["generator_step"]) == (20, 4)
    assert (folder / "images" / "epoch-0001-new.png").exists()
