"""Every configuration trains for a few steps by train.py."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torchvision import datasets

import train
from tests.datamodules.idx_files import write_pairs
from tests.datamodules.image_files import write_images
from tests.datamodules.table_files import write_boston

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
FEW_STEPS = (
    *("--trainer.max_epochs", "1", "--trainer.limit_train_batches", "6"),
    *("--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false"),
    *("--trainer.enable_model_summary", "false", "--trainer.limit_val_batches", "1"),
)
FEW_IMAGES = ("--data.batch_size", "4")
FEW_LATENTS = ("--model.generator_batch_size", "4")
RESIDUAL = ("sngan_cifar", "wgan_gp_cifar")
LARGE = (*RESIDUAL, "conv_vae_512_mnist")  # otherwise seconds an image on a CPU core


class RandomCIFAR10:
    """Random color images, enough for one batch of any configuration."""

    base_folder = datasets.CIFAR10.base_folder

    def __init__(self, root: Path, train: bool = True) -> None:
        self.data = np.random.default_rng(0).integers(0, 256, (500, 32, 32, 3), dtype=np.uint8)
        self.targets = list(range(10)) * 50


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data sets that are present, and random ones in place of the others."""
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("MNIST", "FashionMNIST", "BostonHousing", "facades", RandomCIFAR10.base_folder):
        real = Path(os.environ.get("HAWC_DATA", "nowhere")).absolute() / name
        if real.is_dir():
            (folder / name).symlink_to(real)
        elif "MNIST" in name:
            write_pairs(folder / name / "raw", n=500)
        elif name == "BostonHousing":
            write_boston(folder, n=500)
        elif name == "facades":
            for domain in ("trainA", "trainB"):
                write_images(folder / "facades" / domain, n=120)
        else:
            (folder / name).mkdir()
            (folder / name / "test_batch").touch()
            monkeypatch.setattr(datasets, "CIFAR10", RandomCIFAR10)
    return folder


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_trains(
    path: Path, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("HAWC_DATA", str(data_dir))
    fewer = FEW_IMAGES if path.stem in LARGE else ()
    fewer += FEW_LATENTS if path.stem in RESIDUAL else ()
    if has_metric := "mean_field" in path.stem:
        fewer = ("--trainer.max_epochs", "5")  # validation distances are computed then
    train.main(["--config", str(path), *FEW_STEPS, *fewer])
    (folder,) = Path("runs").glob("*/*")
    translates = "disco" in path.stem
    # translators generate no images from latents; rows and points of the plane are no images
    unshown = ("boston", "gaussian", "disco")
    shows_samples = not any(word in path.stem for word in unshown)
    images = {file.name for file in (folder / "images").glob("*")}
    assert ("epoch-0001-new.png" in images) == shows_samples
    assert ("epoch-0001-translations.png" in images) == translates
    assert ("val/wasserstein_1" in (folder / "metrics.csv").read_text()) == has_metric
    saved = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    assert all(value.isfinite().all() for value in saved["state_dict"].values())


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_is_named_after_model_and_data(path: Path) -> None:
    config = yaml.safe_load(path.read_text())
    model, data = (config[key]["class_path"].lower() for key in ("model", "data"))
    words = path.stem.replace("_", "")
    # a variant may be named before the model, its size after it: conv_vae_512_mnist
    assert model in words
    assert data.startswith(words.partition(model)[2].lstrip("0123456789"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_header_has_five_lines_with_the_score(path: Path) -> None:
    header = path.read_text().partition("seed_everything")[0]
    assert f"python train.py --config configs/{path.name}" in header
    for heading in ("Paper", "Data", "Steps", "Time", "Score"):
        assert f"\n# {heading} " in header
    assert "TIME" not in header
    assert "SCORE" not in header
