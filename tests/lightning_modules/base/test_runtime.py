"""Logged steps against metrics.csv, driver queries, and plain attributes of modules."""

import csv
import os
from pathlib import Path
from typing import Any

import lightning.fabric
import pytest
import torch
from lightning import Callback, LightningModule, Trainer, seed_everything
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor, nn

from lightning_modules import WGAN, EnergyVAE
from lightning_modules.base.alternating import AbstractAlternating, Losses
from lightning_modules.base.one_loss import AbstractOneLoss
from lightning_modules.base.runtime import (
    AbstractPlainAttributes,
    attached_trainer,
    is_fitting,
    stop_driver_checks,
)
from tests.helpers import TinyImages, quiet_trainer, tiny_energy_vae, tiny_wgan


def test_a_module_without_trainer() -> None:
    model = tiny_energy_vae()
    assert attached_trainer(model) is None
    assert not is_fitting(model)


def test_a_module_with_trainer(tmp_path: Path) -> None:
    seen: list[tuple[bool, bool]] = []

    class Look(Callback):
        def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
            seen.append((attached_trainer(pl_module) is trainer, is_fitting(pl_module)))

    model, data = tiny_energy_vae(), TinyImages(batch_size=24)
    trainer = quiet_trainer(tmp_path, limit_train_batches=1, callbacks=[Look()])
    trainer.fit(model, data)
    trainer.test(model, data, verbose=False)
    assert seen == [(True, True), (True, False)]


VARIABLE = "PYTORCH_NVML_BASED_CUDA_CHECK"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Simulates a machine without GPU; the list grows with each query of NVML."""
    calls: list[None] = []

    def count() -> int:
        calls.append(None)
        return 0

    monkeypatch.setenv(VARIABLE, "1")
    monkeypatch.setattr(torch.cuda, "device_count", count)
    return calls


def adam_step() -> None:
    weight = torch.nn.Parameter(torch.ones(()))
    weight.grad = torch.ones(())
    torch.optim.Adam([weight]).step()


@pytest.mark.skipif(not torch.backends.cuda.is_built(), reason="PyTorch without CUDA never queries")
def test_adam_queries_until_it_is_stopped(asked: list[None]) -> None:
    adam_step()
    assert asked, "PyTorch no longer queries: stop_driver_checks can go"
    stop_driver_checks()
    asked.clear()
    adam_step()
    assert not asked


def test_lightning_sets_the_variable() -> None:
    source = Path(lightning.fabric.__file__).read_text()
    assert VARIABLE in source, "Lightning no longer sets it: stop_driver_checks can go"


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("make", [tiny_energy_vae, tiny_wgan])
def test_every_training_stops_the_queries(tmp_path: Path, make: type[LightningModule]) -> None:
    quiet_trainer(tmp_path, limit_val_batches=0).fit(make(), TinyImages(batch_size=24))
    assert VARIABLE not in os.environ


@pytest.mark.usefixtures("asked")
def test_the_variable_stays_on_an_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    stop_driver_checks()
    assert os.environ[VARIABLE] == "1"


EPOCH, EPOCHS = 6, 2  # batches of 12 out of 72 images


class Written:
    """Trains with metrics.csv and keeps the names logged in each batch."""

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
    """Returns a model and the list of its losses, filled in training."""
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
    """Returns a model and the lists of its critic's and generator's losses, filled in training."""
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
    # at the end of an epoch callbacks read the losses of its last batch
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


class Module(AbstractPlainAttributes):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.weight = nn.Parameter(torch.zeros(2))
        self.inner: nn.Module | None = nn.Linear(1, 1)


def test_plain_values_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    module = Module()
    asked: list[str] = []
    monkeypatch.setattr(nn.Module, "__setattr__", lambda _self, name, _value: asked.append(name))
    for value in (1, 2.5, True, None, "words"):
        module.count = value  # type: ignore[assignment]
        assert module.count == value
    assert asked == []


def test_tables_are_kept() -> None:
    module = Module()
    with pytest.raises(TypeError, match="cannot assign 'float' as parameter 'weight'"):
        module.weight = 1.0  # type: ignore[assignment]
    module.inner = None
    assert module.inner is None
    assert [name for name, _ in module.named_parameters()] == ["weight"]
    module.count = nn.Parameter(torch.ones(1))  # type: ignore[assignment]
    assert [name for name, _ in module.named_parameters()] == ["weight", "count"]
    module.new = 3
    assert module.new == 3


@pytest.mark.parametrize("base", [AbstractAlternating, AbstractOneLoss])
def test_it_precedes_lightning_in_the_method_order(base: Any) -> None:
    assert base.__mro__.index(AbstractPlainAttributes) < base.__mro__.index(LightningModule)


def test_lightning_defines_no_setattr() -> None:
    assert LightningModule.__setattr__ is nn.Module.__setattr__  # or our base is bypassed
