"""Curves of logged values, from the first epoch on even after a resume."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger

from callbacks import LossCurves
from tests.callbacks.runs import image_names, read_image, run
from tests.helpers import TinyImages, quiet_trainer, tiny_energy_vae, tiny_vae, tiny_wgan

TERMS = ("loss", "reconstruction", "latent_distance")


class Losses(Callback):
    """Records the loss of each step and of each validation."""

    def __init__(self) -> None:
        self.train: list[float] = []
        self.val: list[float] = []

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, *_: Any
    ) -> None:
        self.train.append(float(outputs["loss"]))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.val.append(float(trainer.callback_metrics["val/loss"]))


def curves(callback: LossCurves) -> dict[str, dict[int, float]]:
    return callback.state_dict()["curves"]


def test_values_are_means_of_an_epoch(tmp_path: Path) -> None:
    callback, losses = LossCurves(), Losses()
    run(tmp_path, callback, losses, max_epochs=3, log_every_n_steps=1, num_sanity_val_steps=2)
    steps = len(losses.train) // 3
    expected = {i + 1: sum(losses.train[i * steps :][:steps]) / steps for i in range(3)}
    assert curves(callback)["train/loss"] == pytest.approx(expected)
    assert curves(callback)["val/loss"] == dict(enumerate(losses.val, start=1))
    assert set(curves(callback)) == {f"{s}/{t}" for s in ("train", "val") for t in TERMS}
    assert image_names(tmp_path) == {"loss-curves"}
    assert read_image(tmp_path / "images" / "loss-curves.png").float().std() > 1


def test_only_logged_batches_count(tmp_path: Path) -> None:
    callback, losses = LossCurves(), Losses()
    run(tmp_path, callback, losses, data=TinyImages(batch_size=14), log_every_n_steps=3)
    assert len(losses.train) == 5
    seen = (losses.train[2] + losses.train[4]) / 2  # every third batch and the last
    assert curves(callback)["train/loss"] == pytest.approx({1: seen})


def test_without_step_logging_the_last_batch_counts(tmp_path: Path) -> None:
    callback = LossCurves()
    run(tmp_path, callback, log_every_n_steps=0)
    assert len(curves(callback)["train/loss"]) == 1


def test_a_resumed_run_plots_the_whole_training(tmp_path: Path) -> None:
    whole = LossCurves()
    run(tmp_path / "whole", whole, max_epochs=3, log_every_n_steps=1)
    first = run(tmp_path / "first", LossCurves(), max_epochs=2, log_every_n_steps=1)
    path = tmp_path / "two.ckpt"
    first.save_checkpoint(path)
    torch.load(path, weights_only=True)  # plain values only
    resumed = LossCurves()
    trainer = quiet_trainer(tmp_path, max_epochs=3, log_every_n_steps=1, callbacks=[resumed])
    trainer.fit(tiny_energy_vae(), TinyImages(batch_size=24), ckpt_path=str(path))
    assert curves(resumed).keys() == curves(whole).keys()
    for name, curve in curves(whole).items():
        assert curves(resumed)[name] == pytest.approx(curve)
        assert sorted(curve) == [1, 2, 3]
    left, right = (
        read_image(folder / "images" / "loss-curves.png")
        for folder in (tmp_path, tmp_path / "whole")
    )
    assert torch.equal(left, right)


class Stop(Callback):
    """Raises an error in the third epoch."""

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.current_epoch == 2:
            raise RuntimeError("stop")


def test_a_failed_training_writes_its_curves(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="stop"):
        run(tmp_path, LossCurves(), Stop(), max_epochs=4)
    assert image_names(tmp_path) == {"loss-curves"}


def test_a_training_that_fails_at_its_start_writes_none(tmp_path: Path) -> None:
    class StopAtOnce(Callback):
        def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        run(tmp_path, LossCurves(), StopAtOnce())
    assert image_names(tmp_path) == set()


def panels(callback: LossCurves) -> dict[str, list[str]]:
    return {term: list(panel) for term, panel in callback._panels().items()}


def test_panels_are_the_training_terms(tmp_path: Path) -> None:
    callback = LossCurves()
    run(tmp_path, callback, model=tiny_vae(), max_epochs=2)
    both = ["train", "val"]
    assert panels(callback) == {"loss": both, "reconstruction": both, "kl": both, "elbo": both}
    callback = LossCurves(["kl", "nothing"])
    run(tmp_path, callback, model=tiny_vae(), max_epochs=2)
    assert panels(callback) == {"kl": both}


def test_step_counters_have_no_panel(tmp_path: Path) -> None:
    callback = LossCurves()
    data = TinyImages(batch_size=24, num_validation=0)
    run(tmp_path, callback, model=tiny_wgan(), data=data, max_epochs=2)
    assert "train/critic_step" in curves(callback)
    scores = {"score_real", "score_fake", "wasserstein_estimate"}
    assert set(panels(callback)) == {"critic_loss", "generator_loss", *scores}


def test_validation_after_training_is_not_part_of_it(tmp_path: Path) -> None:
    callback, data = LossCurves(), TinyImages(batch_size=24)
    trainer = run(tmp_path, callback, data=data, logger=CSVLogger(tmp_path))
    trainer.validate(trainer.lightning_module, data, verbose=False)
    assert list(curves(callback)["val/loss"]) == [1]


def test_no_terms() -> None:
    with pytest.raises(ValueError, match="`terms` must name at least one logged term, got none"):
        LossCurves([])
