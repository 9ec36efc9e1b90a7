"""A run resumed from any of its checkpoints ends like the uninterrupted one, to the last bit.

The whole last checkpoint is compared: weights, optimizers, schedules, averages, histories, counters
and the position in the data.
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, final

import pytest
import torch
from lightning import Callback, LightningDataModule, LightningModule, Trainer, seed_everything
from torch import Tensor
from torch.optim.lr_scheduler import ExponentialLR
from torch.utils.data import DataLoader, Sampler, TensorDataset

import train
from benchmarks.kills import differing
from callbacks import EpochCompletion, GeneratorEMA, HistoryAwareSampling
from lightning_modules import WGANGP
from tests.helpers import (
    TINY_SHAPE,
    TinyImages,
    quiet_trainer,
    tiny_decoder,
    tiny_encoder,
    tiny_energy_vae,
    tiny_sngan,
    tiny_wgan,
)
from tests.tiny_domains import TinyDomains, tiny_disco_gan

CONFIG = str(Path(__file__).parents[2] / "configs" / "energy_vae_mnist5k.yaml")
SHORT = (
    *("--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false"),
    *("--trainer.enable_model_summary", "false", "--trainer.limit_train_batches", "3"),
    *("--trainer.limit_val_batches", "1", "--trainer.max_epochs", "2"),
    *("--trainer.logger", "false"),
)
EACH_STEP = (
    *("--trainer.callbacks+=ModelCheckpoint", "--trainer.callbacks.every_n_train_steps", "1"),
    *("--trainer.callbacks.save_top_k", "-1", "--trainer.callbacks.filename", "{step}"),
)
DECAY = partial(ExponentialLR, gamma=0.9)
SCHEDULES = {"generator_scheduler": DECAY, "critic_scheduler": DECAY}
ONE_EPOCH = {"max_epochs": 1, "limit_train_batches": 12}
TWO_EPOCHS = {"max_epochs": 2, "limit_train_batches": 3, "val_check_interval": 2}


def make_wgan_gp() -> WGANGP:
    networks = {"generator": tiny_decoder, "critic": tiny_encoder}
    return WGANGP(TINY_SHAPE, latent_dim=3, n_critic=5, **networks, **SCHEDULES)


MODELS: dict[str, Callable[[], LightningModule]] = {
    "EnergyVAE": partial(tiny_energy_vae, scheduler=DECAY),
    "WGAN": partial(tiny_wgan, **SCHEDULES),
    "WGANGP": make_wgan_gp,
    "SNGAN": partial(tiny_sngan, **SCHEDULES),
    "DiscoGAN": partial(tiny_disco_gan, TINY_SHAPE, **SCHEDULES),
}


@final
class SaveAll(Callback):
    """Saves a checkpoint after each batch, validation and epoch."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.paths: list[Path] = []

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        self._save(trainer, "batch")

    def on_validation_end(self, trainer: Trainer, *_: Any) -> None:
        self._save(trainer, "validation")

    def on_train_epoch_end(self, trainer: Trainer, *_: Any) -> None:
        self._save(trainer, "epoch")

    def _save(self, trainer: Trainer, instant: str) -> None:
        path = self._folder / f"{len(self.paths):02d}-{instant}.ckpt"
        trainer.save_checkpoint(path)
        self.paths.append(path)


def make_callbacks(name: str) -> list[Callback]:
    if name == "DiscoGAN":  # has no latents
        return [GeneratorEMA(decay=0.9)]
    sampling = HistoryAwareSampling(num_samples=4)
    return [sampling] if name == "EnergyVAE" else [GeneratorEMA(decay=0.9), sampling]


def make_data(name: str) -> LightningDataModule:
    # twelve batches: 72 of 80 images are for training, 36 pairs of 40
    return TinyDomains(3) if name == "DiscoGAN" else TinyImages(6)


def fit_model(
    name: str, folder: Path, *more: Callback, start: Path | None, **length: int
) -> Trainer:
    callbacks = [*make_callbacks(name), *more, EpochCompletion()]
    trainer = quiet_trainer(folder, callbacks=callbacks, limit_val_batches=1, **length)
    trainer.fit(MODELS[name](), make_data(name), ckpt_path=start and str(start))
    return trainer


def final_state(trainer: Trainer, path: Path) -> dict[str, Any]:
    trainer.save_checkpoint(path)
    content: dict[str, Any] = torch.load(path, weights_only=True)
    return content


@pytest.mark.parametrize("length", [ONE_EPOCH, TWO_EPOCHS], ids=["12 steps", "2 epochs"])
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.filterwarnings("ignore:You passed in a `val_dataloader`")  # of GANs
def test_from_every_checkpoint(name: str, length: dict[str, int], tmp_path: Path) -> None:
    seed_everything(3)
    save = SaveAll(tmp_path)
    whole = final_state(
        fit_model(name, tmp_path, save, start=None, **length), tmp_path / "whole.ckpt"
    )
    assert len(save.paths) >= (length["limit_train_batches"] + 1) * length["max_epochs"]
    for path in save.paths:
        torch.manual_seed(99)  # a new process has other random numbers
        resumed = fit_model(name, tmp_path, start=path, **length)
        found = final_state(resumed, tmp_path / "resumed.ckpt")
        # from the last checkpoint nothing is left to do, and Lightning does not start its loops
        loops = whole["loops"] if path == save.paths[-1] else found["loops"]
        assert list(differing(whole, {**found, "loops": loops})) == [], path.name


@final
class Order(Sampler[int]):
    """The order of an epoch by its number, without the examples already delivered."""

    def __init__(self, size: int) -> None:
        self.size, self.epoch, self.first = size, 0, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch, self.first = epoch, self.first if epoch == self.epoch else 0

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.epoch)
        return iter(torch.randperm(self.size, generator=generator)[self.first :].tolist())


@final
class WorkerLoader(DataLoader[Any]):
    """A loader with workers as in docs/adding-a-data-set.md: it counts its batches."""

    sampler: Order

    def __init__(self, images: Tensor, num_workers: int) -> None:
        data = TensorDataset(images.float() / 255, torch.zeros(len(images)))
        super().__init__(
            data, batch_size=12, sampler=Order(len(images)), num_workers=num_workers, drop_last=True
        )
        self.position = 0

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        self.position = self.sampler.first // 12
        for batch in super().__iter__():
            self.position += 1
            yield batch
        self.sampler.first = 0

    def state_dict(self) -> dict[str, int]:
        return {"epoch": self.sampler.epoch, "position": self.position}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.sampler.epoch, self.sampler.first = state["epoch"], 12 * state["position"]


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.filterwarnings("ignore:Be aware that when using")  # Lightning's advice does not apply
def test_with_loader_workers(num_workers: int, tmp_path: Path) -> None:
    seed_everything(3)
    images, _ = TinyImages().read(train=True)

    def fit(*callbacks: Callback, start: Path | None) -> Trainer:
        both = [HistoryAwareSampling(num_samples=2), *callbacks, EpochCompletion()]
        trainer = quiet_trainer(tmp_path, callbacks=both, max_epochs=2, limit_train_batches=6)
        loader = WorkerLoader(images, num_workers)
        trainer.fit(tiny_wgan(), loader, ckpt_path=start and str(start))
        return trainer

    save = SaveAll(tmp_path)
    whole = final_state(fit(save, start=None), tmp_path / "whole.ckpt")
    for path in (save.paths[place] for place in (1, 5, 6, 9)):  # 6: end of an epoch
        torch.manual_seed(99)
        found = final_state(fit(start=path), tmp_path / "resumed.ckpt")
        assert list(differing(whole, found)) == [], path.name


def test_through_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py"])

    def fit(folder: str, *more: str) -> dict[str, Any]:
        train.main(["--config", CONFIG, "--run_folder", folder, *SHORT, *EACH_STEP, *more])
        content = torch.load(f"{folder}/checkpoints/step=6.ckpt", weights_only=True)
        # these states hold file names of the run's folder and times
        saving = [key for key in content["callbacks"] if key.startswith("ModelCheckpoint")]
        return {**content, "callbacks": {**content["callbacks"], **dict.fromkeys(saving)}}

    whole = fit("whole")
    for step in (2, 3):  # within an epoch and before its end
        resumed = fit(f"from-{step}", "--ckpt_path", f"whole/checkpoints/step={step}.ckpt")
        assert list(differing(whole, resumed)) == []
        new = {path.name for path in (tmp_path / f"from-{step}" / "images").glob("*-new.png")}
        assert new == {"epoch-0001-new.png", "epoch-0002-new.png"}
