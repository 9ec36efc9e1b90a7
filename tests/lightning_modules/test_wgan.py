"""The WGAN: Algorithm 1 step by step, its defaults, and a toy distribution that it learns."""

from functools import partial
from pathlib import Path

import pytest
import torch
from lightning import seed_everything
from torch import nn

from lightning_modules import WGAN
from lightning_modules.base.step_seed import seed_step
from lightning_modules.wgan import clip_weights
from networks import MLPDecoder, MLPEncoder
from tests.helpers import (
    TINY_SHAPE,
    DarkImages,
    TinyImages,
    quiet_trainer,
    same_weights,
    tiny_wgan,
    weights,
)


def test_losses_by_hand() -> None:
    model = tiny_wgan()
    real, fake = torch.rand(4, *TINY_SHAPE), torch.rand(6, *TINY_SHAPE)
    expected = model.critic(fake).sum() / 6 - model.critic(real).sum() / 4
    assert torch.allclose(model.critic_losses(real, fake)["loss"], expected)
    assert torch.allclose(model.generator_losses(real, fake)["loss"], -model.critic(fake).sum() / 6)


def test_training_is_algorithm_1(tmp_path: Path) -> None:
    seed_everything(5)
    model, twin = tiny_wgan(), tiny_wgan()
    twin.load_state_dict(model.state_dict())
    data = TinyImages(batch_size=16)
    quiet_trainer(tmp_path, limit_train_batches=4, limit_val_batches=0).fit(model, data)
    critic, generator = twin.critic, twin.generator
    critic_optimizer = torch.optim.RMSprop(critic.parameters(), lr=5e-5)
    generator_optimizer = torch.optim.RMSprop(generator.parameters(), lr=5e-5)
    for t, (images, _) in enumerate(data.train_dataloader()):
        seed_step((t,), 0)
        fake = torch.tanh(generator(torch.randn(16, 3))).detach()
        critic_optimizer.zero_grad()
        on_real, on_fake = critic(torch.cat((images * 2 - 1, fake))).split(16)
        (on_fake.mean() - on_real.mean()).backward()
        critic_optimizer.step()
        for weight in critic.parameters():
            weight.data.clamp_(-0.01, 0.01)
        if t % 2 == 1:
            generator_optimizer.zero_grad()
            (-critic(torch.tanh(generator(torch.randn(16, 3)))).mean()).backward()
            generator_optimizer.step()
    assert same_weights(weights(model), weights(twin))


def test_defaults_are_the_papers() -> None:
    model = WGAN(TINY_SHAPE, 3, MLPDecoder, MLPEncoder)
    assert model.n_critic == 5
    for optimizer in model.configure_optimizers()[0]:  # type: ignore[index]
        assert isinstance(optimizer, torch.optim.RMSprop)
        assert optimizer.defaults["lr"] == 5e-5
        assert optimizer.defaults["momentum"] == 0


def test_critic_weights_stay_clipped(tmp_path: Path) -> None:
    model = tiny_wgan(clip=0.02)
    quiet_trainer(tmp_path).fit(model, TinyImages(batch_size=16))
    assert max(float(p.detach().abs().max()) for p in model.critic.parameters()) <= 0.02


def test_learns_the_mean_of_a_dark_image_set(tmp_path: Path) -> None:
    seed_everything(0)
    fast = partial(torch.optim.RMSprop, lr=1e-3)
    model = tiny_wgan(generator_optimizer=fast, critic_optimizer=fast, clip=0.05)
    z = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
    assert model.decode(z).mean() > 0.4
    trainer = quiet_trainer(tmp_path, max_epochs=100, limit_val_batches=0)
    trainer.fit(model, DarkImages(batch_size=36))
    assert model.decode(z).mean().item() == pytest.approx(15.5 / 255, abs=0.08)


def test_estimate_is_minus_the_critic_loss(tmp_path: Path) -> None:
    trainer = quiet_trainer(tmp_path, limit_train_batches=1)
    trainer.fit(tiny_wgan(), TinyImages(batch_size=16))
    logged = trainer.callback_metrics
    assert logged["train/wasserstein_estimate"] == -logged["train/critic_loss"]
    assert logged["train/critic_step"] == 1


def test_start_up_of_the_authors_code() -> None:
    assert tiny_wgan(start_up=True, n_critic=150).critic_steps_due(0) == 150
    model = tiny_wgan(start_up=True, n_critic=5)
    due = [model.critic_steps_due(step) for step in (0, 24, 25, 499, 500, 501, 1000)]
    assert due == [100, 100, 5, 5, 100, 5, 100]
    model.generator_step = 24  # a loss of this step stands until that of the 26th
    assert model.batches_until_next("generator") == 5


def test_start_up_delays_the_generator(tmp_path: Path) -> None:
    model = tiny_wgan(start_up=True, n_critic=1)
    trainer = quiet_trainer(tmp_path, max_epochs=26, limit_val_batches=0)
    trainer.fit(model, TinyImages(batch_size=18, num_validation=0))  # 4 batches an epoch
    assert (model.critic_step, model.generator_step) == (104, 1)


@pytest.mark.parametrize("clip", [0.0, -1.0, float("nan")])
def test_wrong_clip(clip: float) -> None:
    with pytest.raises(ValueError, match=r"`clip` must be > 0, got .*; the paper's is 0.01"):
        tiny_wgan(clip=clip)


def test_clips_in_place_and_only_what_is_outside() -> None:
    layer = nn.Linear(2, 1)
    layer.weight.data = torch.tensor([[0.5, -0.005]])
    layer.bias.data = torch.tensor([-3.0])
    kept = layer.weight
    clip_weights(layer.parameters(), 0.01)
    assert layer.weight is kept
    assert layer.weight.tolist() == torch.tensor([[0.01, -0.005]]).tolist()
    assert layer.bias.tolist() == torch.tensor([-0.01]).tolist()
