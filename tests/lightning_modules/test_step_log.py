"""Loggers get at their steps the very values of those steps, and no other step is logged."""

import csv
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer, seed_everything
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor

from lightning_modules import WGAN, EnergyVAE
from lightning_modules.alternating import Losses
from tests.helpers import TinyImages, quiet_trainer, tiny_energy_vae, tiny_wgan

EPOCH, EPOCHS = 6, 2  # batches of 12 out of 72 pictures


class Written:
    """Trains with metrics.csv and keeps what Lightning was given to log, batch by batch."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.calls: list[set[str]] = []

    def fit(
        self, model: LightningModule, *, resume: int | None = None, **arguments: Any
    ) -> Trainer:
        log_dict, calls = model.log_dict, self.calls

        class Saving(Callback):
            def on_train_batch_start(self, *_: Any) -> None:
                calls.append(set())

            def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
                if resume is None:
                    trainer.save_checkpoint(folder / f"{len(calls)}.ckpt")

        def counted(values: dict[str, Any], **options: Any) -> None:
            if calls and model.training:
                calls[-1].update(values)
            log_dict(values, **options)

        folder = self._folder
        model.log_dict = counted  # type: ignore[method-assign, assignment]
        settings = {"logger": CSVLogger(folder, "", "resumed" if resume else "whole")}
        settings |= {"max_epochs": EPOCHS, "callbacks": [Saving()], **arguments}
        trainer = quiet_trainer(folder, **settings)
        checkpoint = folder / f"{resume}.ckpt" if resume else None
        trainer.fit(model, TinyImages(batch_size=12), ckpt_path=checkpoint)
        return trainer

    def rows(self, name: str, run: str = "whole") -> dict[int, float]:
        """Returns a column of metrics.csv by the number of the step, counted from 1."""
        with (self._folder / run / "metrics.csv").open() as file:
            return {int(r["step"]) + 1: float(r[name]) for r in csv.DictReader(file) if r.get(name)}


def watched_energy_vae() -> tuple[EnergyVAE, list[float]]:
    """Returns a model and the list in which it notes the loss of each training batch."""
    model, seen = tiny_energy_vae(), []
    losses = model.losses

    def spy(images: Tensor) -> dict[str, Tensor]:
        result = losses(images)
        if model.training:
            seen.append(float(result["loss"].detach()))
        return result

    model.losses = spy  # type: ignore[method-assign]
    return model, seen


def watched_wgan() -> tuple[WGAN, list[float], list[float]]:
    """Returns a model and the lists of its critic's and generator's losses."""
    model, critic_seen, generator_seen = tiny_wgan(n_critic=2), [], []
    step_critic, step_generator = model.step_critic, model.step_generator

    def spy_critic(losses: Losses) -> None:
        critic_seen.append(float(losses["loss"].detach()))
        step_critic(losses)

    def spy_generator(losses: Losses) -> None:
        generator_seen.append(float(losses["loss"].detach()))
        step_generator(losses)

    model.step_critic, model.step_generator = spy_critic, spy_generator  # type: ignore[method-assign]
    return model, critic_seen, generator_seen


@pytest.mark.parametrize("interval", [1, 3, 4, 5])
def test_autoencoder_rows_hold_the_losses_of_their_steps(tmp_path: Path, interval: int) -> None:
    written, (model, seen) = Written(tmp_path), watched_energy_vae()
    trainer = written.fit(model, log_every_n_steps=interval)
    steps = range(interval, EPOCH * EPOCHS + 1, interval)
    assert written.rows("train/loss") == {n: pytest.approx(seen[n - 1]) for n in steps}
    # at the end of an epoch callbacks find the losses of its last batch
    assert float(trainer.callback_metrics["train/loss"]) == pytest.approx(seen[-1])


def test_other_steps_are_not_logged(tmp_path: Path) -> None:
    written = Written(tmp_path)
    written.fit(tiny_energy_vae(), log_every_n_steps=4)
    # by the interval 4, 8, 12; as last batches of an epoch 6, 12
    assert [n for n, names in enumerate(written.calls, start=1) if names] == [4, 6, 8, 12]


@pytest.mark.parametrize("resume", [3, 6, 7])  # within an epoch, at its end, at a later one's start
def test_a_resumed_autoencoder_goes_on_with_the_rows(tmp_path: Path, resume: int) -> None:
    seed_everything(3)
    written = Written(tmp_path)
    written.fit(tiny_energy_vae(), log_every_n_steps=4)
    torch.manual_seed(9)
    written.fit(tiny_energy_vae(), log_every_n_steps=4, resume=resume)
    whole = written.rows("train/loss")
    assert written.rows("train/loss", "resumed") == {n: whole[n] for n in whole if n > resume}


def test_steps_are_counted_as_gradients_are_accumulated(tmp_path: Path) -> None:
    written, (model, seen) = Written(tmp_path), watched_energy_vae()
    written.fit(model, log_every_n_steps=2, accumulate_grad_batches=2)
    # steps 2, 4, 6 end with batches 4, 8, 12
    assert written.rows("train/loss") == {n: pytest.approx(seen[2 * n - 1]) for n in (2, 4, 6)}


@pytest.mark.parametrize("interval", [1, 3, 4, 5])
def test_adversarial_rows_hold_the_newest_losses(tmp_path: Path, interval: int) -> None:
    written, (model, critic_seen, generator_seen) = Written(tmp_path), watched_wgan()
    trainer = written.fit(model, log_every_n_steps=interval)
    steps = range(interval, EPOCH * EPOCHS + 1, interval)
    assert written.rows("train/critic_loss") == {
        n: pytest.approx(critic_seen[n - 1]) for n in steps
    }
    assert written.rows("train/wasserstein_estimate") == {
        n: pytest.approx(-critic_seen[n - 1]) for n in steps
    }
    assert written.rows("train/critic_step") == {n: n for n in steps}
    # the generator steps with batches 2, 4, 6, ...; Lightning forgets at the end of an epoch
    with_generator = [n for n in steps if n not in (1, EPOCH + 1)]
    assert written.rows("train/generator_loss") == {
        n: pytest.approx(generator_seen[n // 2 - 1]) for n in with_generator
    }
    assert written.rows("train/generator_step") == {n: n // 2 for n in with_generator}
    assert trainer.callback_metrics["train/critic_step"] == EPOCH * EPOCHS
    assert trainer.callback_metrics["train/generator_step"] == EPOCH * EPOCHS // 2


@pytest.mark.parametrize("resume", [3, 6, 7])
def test_a_resumed_pair_goes_on_with_the_rows(tmp_path: Path, resume: int) -> None:
    seed_everything(3)
    written = Written(tmp_path)
    written.fit(tiny_wgan(), log_every_n_steps=4)
    torch.manual_seed(9)
    written.fit(tiny_wgan(), log_every_n_steps=4, resume=resume)
    for name in ("train/critic_loss", "train/generator_step"):
        whole = written.rows(name)
        assert written.rows(name, "resumed") == {n: whole[n] for n in whole if n > resume}


def test_no_interval_leaves_the_end_of_an_epoch(tmp_path: Path) -> None:
    written = Written(tmp_path)
    trainer = written.fit(tiny_wgan(), log_every_n_steps=0, max_epochs=1)
    assert [n for n, names in enumerate(written.calls, start=1) if names] == [6]
    assert trainer.callback_metrics["train/critic_step"] == EPOCH
