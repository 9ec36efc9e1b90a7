"""Alternating steps: which network is trained, how often, schedules, clipping, exact resume."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from lightning_modules import WGAN, TrainingError
from lightning_modules.base.alternating import AbstractAlternating, Losses, frozen
from networks import ConvDecoder, ConvEncoder
from tests.helpers import (
    TinyImages,
    quiet_trainer,
    same_weights,
    scaled_precision,
    tiny_ebgan,
    tiny_sngan,
    tiny_wgan,
    weights,
)


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
    critic_losses, generator_losses = model.critic_losses, model.generator_losses

    def spy_critic(real: Tensor, fake: Tensor) -> Losses:
        seen["fake of critic step"] = fake.requires_grad
        return critic_losses(real, fake)

    def spy_generator(real: Tensor, fake: Tensor) -> Losses:
        seen["fake of generator step"] = fake.requires_grad
        seen["critic in generator step"] = next(model.critic.parameters()).requires_grad
        return generator_losses(real, fake)

    model.critic_losses = spy_critic  # type: ignore[method-assign]
    model.generator_losses = spy_generator  # type: ignore[method-assign]
    quiet_trainer(tmp_path, limit_train_batches=1).fit(model, TinyImages(batch_size=16))
    assert seen == {
        "fake of critic step": False,
        "fake of generator step": True,
        "critic in generator step": False,
    }
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("make", [tiny_wgan, tiny_sngan, tiny_ebgan])
@pytest.mark.parametrize("step", [1, 2, 3, 5])
def test_resumed_run_equals_the_uninterrupted_one(
    tmp_path: Path, step: int, make: Callable[[], AbstractAlternating]
) -> None:
    seed_everything(3)

    class SaveEachBatch(Callback):
        def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
            trainer.save_checkpoint(tmp_path / f"{whole.critic_step}.ckpt")

    whole = make()
    quiet_trainer(tmp_path, max_epochs=2, callbacks=[SaveEachBatch()]).fit(
        whole, TinyImages(batch_size=16)
    )
    torch.manual_seed(99)
    resumed = make()
    quiet_trainer(tmp_path, max_epochs=2).fit(
        resumed, TinyImages(batch_size=16), ckpt_path=str(tmp_path / f"{step}.ckpt")
    )
    assert (resumed.critic_step, resumed.generator_step) == (8, 8 // resumed.n_critic)
    assert same_weights(weights(whole), weights(resumed))


def test_epoch_checkpoints_are_written(tmp_path: Path) -> None:
    save = ModelCheckpoint(tmp_path, filename="last", save_on_train_epoch_end=True)
    trainer = quiet_trainer(tmp_path, enable_checkpointing=True, callbacks=[save])
    trainer.fit(tiny_wgan(), TinyImages(batch_size=16))
    saved = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert saved["alternating_steps"]["generator_step"] == 2


@pytest.mark.parametrize("val_check_interval", [1, 3, 1.0])
def test_validation_does_not_change_the_order_of_steps(
    tmp_path: Path, val_check_interval: float
) -> None:
    watch, model = Watch(), tiny_wgan(n_critic=2)
    trainer = quiet_trainer(tmp_path, callbacks=[watch], val_check_interval=val_check_interval)
    trainer.fit(model, TinyImages(batch_size=16))
    assert watch.moved == ["critic", "critic+generator"] * 2


def test_schedulers_count_their_own_network_s_steps(tmp_path: Path) -> None:
    decay = partial(torch.optim.lr_scheduler.LinearLR, start_factor=1.0, end_factor=0.0)
    model = tiny_wgan(
        n_critic=2,
        critic_scheduler=partial(decay, total_iters=8),
        generator_scheduler=partial(decay, total_iters=4),
    )
    trainer = quiet_trainer(tmp_path, max_epochs=1)
    trainer.fit(model, TinyImages(batch_size=16))  # 4 critic steps, 2 generator steps
    rates = [optimizer.param_groups[0]["lr"] for optimizer in trainer.optimizers]
    assert rates == pytest.approx([2.5e-5, 2.5e-5])


@pytest.mark.parametrize("network", ["critic", "generator"])
def test_one_scheduler_alone_moves_its_own_network_s_rate(tmp_path: Path, network: str) -> None:
    halve = partial(torch.optim.lr_scheduler.StepLR, step_size=1, gamma=0.5)
    model = tiny_wgan(**{f"{network}_scheduler": halve})
    trainer = quiet_trainer(tmp_path, limit_train_batches=2)
    trainer.fit(model, TinyImages(batch_size=16))
    critic, generator = (optimizer.param_groups[0]["lr"] for optimizer in trainer.optimizers)
    expected = (5e-5 / 4, 5e-5) if network == "critic" else (5e-5, 5e-5 / 2)
    assert (critic, generator) == pytest.approx(expected)


def test_scheduled_rates_survive_a_resume(tmp_path: Path) -> None:
    halve = partial(torch.optim.lr_scheduler.StepLR, step_size=1, gamma=0.5)
    first = quiet_trainer(tmp_path, limit_train_batches=2)
    first.fit(tiny_wgan(critic_scheduler=halve), TinyImages(batch_size=16))
    first.save_checkpoint(tmp_path / "last.ckpt")
    again = quiet_trainer(tmp_path, limit_train_batches=2, max_epochs=2)
    again.fit(
        tiny_wgan(critic_scheduler=halve),
        TinyImages(batch_size=16),
        ckpt_path=str(tmp_path / "last.ckpt"),
    )
    assert again.optimizers[0].param_groups[0]["lr"] == pytest.approx(5e-5 / 16)


def test_each_network_s_gradient_is_clipped_by_its_own_norm(tmp_path: Path) -> None:
    model = tiny_wgan(n_critic=1, max_gradient_norm=1e-3, clip=1.0)
    quiet_trainer(tmp_path, limit_train_batches=3).fit(model, TinyImages(batch_size=16))
    for network in (model.critic, model.generator):
        norm = nn.utils.get_total_norm([p.grad for p in network.parameters() if p.grad is not None])
        assert float(norm) == pytest.approx(1e-3, rel=1e-3)  # 1e-6 is added to the norm


def test_fused_optimizers_are_clipped_by_the_unscaled_norm(tmp_path: Path) -> None:
    states = []
    for fused in (False, True):
        seed_everything(1)
        descent = partial(torch.optim.SGD, lr=1.0, fused=fused)
        arguments = {"generator_optimizer": descent, "critic_optimizer": descent}
        model = tiny_wgan(n_critic=1, max_gradient_norm=1e-3, clip=1.0, **arguments)
        trainer = quiet_trainer(tmp_path, limit_train_batches=3, plugins=scaled_precision(64.0))
        trainer.fit(model, TinyImages(batch_size=16))
        states.append(weights(model))
    for name, value in states[0].items():
        # float32 sums in another order; a step that is not clipped moves by far more than 1e-3
        torch.testing.assert_close(states[1][name], value, rtol=0, atol=1e-6)


def test_fused_optimizers_are_clipped_in_mixed_precision(tmp_path: Path) -> None:
    adam = partial(torch.optim.Adam, lr=1e-4, fused=True)
    model = tiny_wgan(n_critic=1, max_gradient_norm=1e-3, critic_optimizer=adam)
    trainer = quiet_trainer(tmp_path, limit_train_batches=1, precision="bf16-mixed")
    trainer.fit(model, TinyImages(batch_size=16))
    norm = nn.utils.get_total_norm([p.grad for p in model.critic.parameters()])
    assert float(norm) == pytest.approx(1e-3, rel=1e-3)  # 1e-6 is added to the norm


def test_a_loss_that_is_not_finite_ends_the_run_and_names_the_step(tmp_path: Path) -> None:
    model = tiny_wgan(n_critic=2)
    critic_losses = model.critic_losses

    def lost(real: Tensor, fake: Tensor) -> Losses:
        losses = dict(critic_losses(real, fake))
        return losses if model.critic_step < 3 else {**losses, "loss": losses["loss"] * torch.nan}

    model.critic_losses = lost  # type: ignore[method-assign]
    with pytest.raises(
        TrainingError, match=r"got loss nan.*score_real.* after critic step 3 and generator step 1"
    ):
        quiet_trainer(tmp_path).fit(model, TinyImages(batch_size=16))


def test_a_frozen_network_passes_gradients_and_is_unchanged() -> None:
    torch.manual_seed(0)  # of weights whose power iteration has not come to rest
    network = nn.Sequential(spectral_norm(nn.Linear(3, 4)), nn.Dropout(), nn.Linear(4, 1))
    fixed = network[2].weight.requires_grad_(False)
    before, x = weights(network), torch.ones(2, 3, requires_grad=True)
    with frozen(network):
        network(x).sum().backward()
        assert network.training
        assert network[1].training
    assert x.grad is not None
    assert all(parameter.grad is None for parameter in network.parameters())
    assert same_weights(before, weights(network))
    assert [p.requires_grad for p in network.parameters() if p is not fixed] == [True] * 3
    network(x)  # training goes on, and with it the power iteration
    assert not same_weights(before, weights(network))


def test_lost_weights_do_not_replace_the_last_good_checkpoint(tmp_path: Path) -> None:
    model, data = tiny_wgan(), TinyImages(batch_size=16)
    trainer = quiet_trainer(tmp_path)
    trainer.fit(model, data)
    with torch.no_grad():
        next(model.generator.parameters()).fill_(torch.nan)
    message = "got NaN or infinity in 'generator.* after generator step 2"
    with pytest.raises(TrainingError, match=message):
        trainer.save_checkpoint(tmp_path / "last.ckpt")
    assert not (tmp_path / "last.ckpt").exists()


def test_a_checkpoint_without_steps_is_another_model_s(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="of WGAN must hold the steps of its two networks, got"):
        tiny_wgan().on_load_checkpoint({"state_dict": {}})


def test_batch_norms_of_the_resting_network_keep_their_statistics(tmp_path: Path) -> None:
    model = WGAN((1, 16, 16), 3, partial(ConvDecoder, width=4), partial(ConvEncoder, width=4))
    real = torch.rand(4, 1, 16, 16)
    moved: list[set[str]] = []

    def note(*_: Any) -> None:
        now = weights(model)
        moved.append({k.split(".")[0] for k in now if not torch.equal(now[k], before[k])})
        before.update(now)

    before = weights(model)
    model.step_critic = model.step_generator = note  # type: ignore[method-assign, assignment]
    model.critic_steps_in_turn = 5
    model.alternate((real, torch.zeros(4)))
    # the forward passes alone: each moves the statistics of the network whose step it is
    assert moved == [{"critic"}, {"generator"}]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_critic": 0}, "`n_critic` must be at least 1, got 0"),
        ({"max_gradient_norm": 0.0}, "`max_gradient_norm` must be > 0, or null for none, got 0.0"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny_wgan(**arguments)
