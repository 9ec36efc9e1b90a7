"""The alternating step: which network moves, how often, on what, and its exact resume."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor

from hawc import StandardNormal
from lightning_modules.interface import LatentGenerator
from tests.helpers import TINY_SHAPE, TinyImages, quiet_trainer, same_weights, tiny_wgan, weights


class Watch(Callback):
    """Notes after each batch which network has changed since the batch before."""

    def __init__(self) -> None:
        self.moved: list[str] = []
        self._before: dict[str, Tensor] = {}

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        self._before = weights(pl_module)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        now = weights(pl_module)
        changed = {k.split(".")[0] for k in now if not torch.equal(now[k], self._before[k])}
        self.moved.append("+".join(sorted(changed)))


def test_generator_moves_after_every_n_critic_critic_steps(tmp_path: Path) -> None:
    watch, model = Watch(), tiny_wgan(n_critic=3)
    trainer = quiet_trainer(tmp_path, max_epochs=2, callbacks=[watch])
    trainer.fit(model, TinyImages(batch_size=16))  # 4 batches an epoch, validation after each
    both = "critic+generator"
    assert watch.moved == ["critic", "critic", both, "critic", "critic", both, "critic", "critic"]
    assert (model.critic_step, model.generator_step) == (8, 2)


def test_each_step_changes_one_network_only() -> None:
    model = tiny_wgan(n_critic=1)
    moved: list[set[str]] = []
    before = weights(model)

    def watch(*_: Any) -> None:
        nonlocal before
        now = weights(model)
        moved.append({k.split(".")[0] for k in now if not torch.equal(now[k], before[k])})
        before = now

    model.constrain_critic = watch  # type: ignore[method-assign]
    trainer = quiet_trainer(Path(), limit_train_batches=2, limit_val_batches=0)
    trainer.fit(model, TinyImages(batch_size=16))
    # seen after the first critic step, and after the generator step and the second critic step
    assert moved == [{"critic"}, {"critic", "generator"}]


def test_no_gradient_is_left_or_made_for_the_other_network(tmp_path: Path) -> None:
    model = tiny_wgan(n_critic=1)
    seen: dict[str, bool] = {}
    critic_loss, generator_loss = model.critic_loss, model.generator_loss

    def spy_critic(real: Tensor, fake: Tensor) -> Tensor:
        seen["fake of critic step"] = fake.requires_grad
        seen["generator in critic step"] = next(model.generator.parameters()).requires_grad
        return critic_loss(real, fake)

    def spy_generator(fake: Tensor) -> Tensor:
        seen["fake of generator step"] = fake.requires_grad
        seen["critic in generator step"] = next(model.critic.parameters()).requires_grad
        return generator_loss(fake)

    model.critic_loss, model.generator_loss = spy_critic, spy_generator  # type: ignore[method-assign]
    quiet_trainer(tmp_path, limit_train_batches=1).fit(model, TinyImages(batch_size=16))
    assert seen == {
        "fake of critic step": False,
        "generator in critic step": False,
        "fake of generator step": True,
        "critic in generator step": False,
    }
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("step", [1, 2, 3, 5])
def test_resumed_run_equals_the_uninterrupted_one(tmp_path: Path, step: int) -> None:
    seed_everything(3)

    class SaveEachBatch(Callback):
        def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
            trainer.save_checkpoint(tmp_path / f"{whole.critic_step}.ckpt")

    whole = tiny_wgan()
    quiet_trainer(tmp_path, max_epochs=2, callbacks=[SaveEachBatch()]).fit(
        whole, TinyImages(batch_size=16)
    )
    torch.manual_seed(99)
    resumed = tiny_wgan()
    quiet_trainer(tmp_path, max_epochs=2).fit(
        resumed, TinyImages(batch_size=16), ckpt_path=str(tmp_path / f"{step}.ckpt")
    )
    assert (resumed.critic_step, resumed.generator_step) == (8, 4)
    assert same_weights(weights(whole), weights(resumed))


def test_epoch_checkpoints_are_written(tmp_path: Path) -> None:
    save = ModelCheckpoint(tmp_path, filename="last", save_on_train_epoch_end=True)
    trainer = quiet_trainer(tmp_path, enable_checkpointing=True, callbacks=[save])
    trainer.fit(tiny_wgan(), TinyImages(batch_size=16))
    saved = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert saved["adversarial_steps"] == (4, 2)


def test_is_a_latent_generator_over_a_normal_law() -> None:
    model = tiny_wgan()
    assert isinstance(model, LatentGenerator)
    assert isinstance(model.latent_target, StandardNormal)
    assert model.latent_target.dim == 3
    pictures = model.decode(torch.randn(4, 3) * 100)
    assert pictures.shape == (4, *TINY_SHAPE)
    assert 0 <= pictures.min() <= pictures.max() <= 1


def test_networks_see_pictures_between_minus_one_and_one(tmp_path: Path) -> None:
    model, ranges = tiny_wgan(), []
    critic_loss = model.critic_loss

    def spy(real: Tensor, fake: Tensor) -> Tensor:
        ranges.append((float(real.min()), float(real.max()), float(fake.abs().max())))
        return critic_loss(real, fake)

    model.critic_loss = spy  # type: ignore[method-assign]
    quiet_trainer(tmp_path, limit_train_batches=1).fit(model, TinyImages(batch_size=16))
    (low, high, fake) = ranges[0]
    assert -1 <= low < -0.9
    assert 0.9 < high <= 1
    assert fake <= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_critic": 0}, "`n_critic` must be at least 1, got 0"),
        ({"latent_dim": -1}, "`latent_dim` must be at least 1, got -1"),
    ],
)
def test_wrong_arguments(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny_wgan(**arguments)
