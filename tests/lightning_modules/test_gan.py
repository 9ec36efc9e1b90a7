"""The GAN: its losses by hand and in theory, its options, a training step written out."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import seed_everything
from torch import Tensor, nn

from lightning_modules import GAN
from lightning_modules.base.step_seed import seed_step
from networks import ConvDecoder, ConvEncoder, MLPDecoder, MLPEncoder
from tests.helpers import (
    TINY_SHAPE,
    TinyImages,
    quiet_trainer,
    same_weights,
    tiny_decoder,
    tiny_encoder,
    weights,
)


def tiny_gan(**arguments: Any) -> GAN:
    return GAN(TINY_SHAPE, 3, tiny_decoder, tiny_encoder, **arguments)


class Table(nn.Module):
    """A critic of the numbers 0, 1, 2, ...: one logit for each."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = nn.Parameter(logits)

    def forward(self, points: Tensor) -> Tensor:
        return self.logits[points.long()]


# two distributions on {0, 1, 2, 3} as samples that have exactly their frequencies
REAL = torch.tensor([0, 1, 1, 2, 2, 2, 3, 3, 3, 3]).float()[:, None]
FAKE = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1, 2, 3]).float()[:, None]
P, P_G = torch.tensor([[1, 2, 3, 4], [4, 4, 1, 1]]).double() / 10


def gan_of_numbers(logits: Tensor, **arguments: Any) -> GAN:
    return GAN((1,), 1, tiny_decoder, lambda *_: Table(logits), **arguments)


def test_value_at_the_best_critic_is_minus_log_4_plus_twice_the_jensen_shannon_divergence() -> None:
    middle = (P + P_G) / 2
    divergence = 0.5 * (P * (P / middle).log()).sum() + 0.5 * (P_G * (P_G / middle).log()).sum()
    model = gan_of_numbers((P / P_G).log())  # the logit of p / (p + p_g)
    loss = model.critic_losses(REAL, FAKE)["loss"]
    assert -loss.item() == pytest.approx(-math.log(4) + 2 * float(divergence), rel=1e-12)
    loss.backward()
    assert model.critic.logits.grad.abs().max() < 1e-15  # it is the best


def test_with_smoothed_labels_the_best_critic_is_lower_where_data_are() -> None:
    best = 0.9 * P / (P + P_G)
    model = gan_of_numbers((best / (1 - best)).log(), real_label=0.9)
    model.critic_losses(REAL, FAKE)["loss"].backward()
    assert model.critic.logits.grad.abs().max() < 1e-15


def test_losses_by_hand() -> None:
    model = tiny_gan()
    real, fake = torch.rand(4, *TINY_SHAPE), torch.rand(6, *TINY_SHAPE)
    on_real, on_fake = (model.critic(x).flatten().sigmoid().tolist() for x in (real, fake))
    expected = -sum(map(math.log, on_real)) / 4 - sum(math.log(1 - d) for d in on_fake) / 6
    assert model.critic_losses(real, fake)["loss"].item() == pytest.approx(expected, rel=1e-5)
    expected = -sum(map(math.log, on_fake)) / 6
    assert model.generator_losses(fake, fake)["loss"].item() == pytest.approx(expected, rel=1e-5)
    minimax = tiny_gan(generator_loss="minimax")
    minimax.critic = model.critic
    expected = sum(math.log(1 - d) for d in on_fake) / 6
    assert minimax.generator_losses(fake, fake)["loss"].item() == pytest.approx(expected, rel=1e-5)


def test_smoothed_loss_by_hand() -> None:
    model = tiny_gan(real_label=0.9)
    real, fake = torch.rand(4, *TINY_SHAPE), torch.rand(6, *TINY_SHAPE)
    on_real, on_fake = (model.critic(x).flatten().sigmoid().tolist() for x in (real, fake))
    expected = -sum(0.9 * math.log(d) + 0.1 * math.log(1 - d) for d in on_real) / 4
    expected -= sum(math.log(1 - d) for d in on_fake) / 6  # smoothed on one side only
    assert model.critic_losses(real, fake)["loss"].item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("loss", "slope"), [("non_saturating", -1.0), ("minimax", -math.exp(-15.0))]
)
def test_gradient_where_the_critic_is_sure_of_a_fake(loss: Any, slope: float) -> None:
    model = gan_of_numbers(torch.tensor([-15.0]), generator_loss=loss)
    model.generator_losses(REAL, torch.zeros(5, 1))["loss"].backward()
    # sigmoid(-15) is exp(-15) up to 3e-7
    assert model.critic.logits.grad.item() == pytest.approx(slope, rel=1e-5)


@pytest.mark.parametrize("logit", [-1e4, 1e4])
def test_extreme_logits_stay_finite(logit: float) -> None:
    for arguments in ({"real_label": 0.9}, {"generator_loss": "minimax"}):
        model = gan_of_numbers(torch.full((4,), logit), **arguments)
        (
            model.critic_losses(REAL, FAKE)["loss"] + model.generator_losses(REAL, FAKE)["loss"]
        ).backward()
        assert model.critic.logits.grad.isfinite().all()


@pytest.mark.parametrize("generator_loss", ["non_saturating", "minimax"])
def test_training_steps_are_the_hand_written_ones(tmp_path: Path, generator_loss: Any) -> None:
    seed_everything(5)
    arguments = {"generator_loss": generator_loss, "n_critic": 2}
    model, twin = tiny_gan(**arguments), tiny_gan(**arguments)
    twin.load_state_dict(model.state_dict())
    data = TinyImages(batch_size=16)
    quiet_trainer(tmp_path, limit_train_batches=4, limit_val_batches=0).fit(model, data)
    critic, generator = twin.critic, twin.generator
    critic_optimizer = torch.optim.Adam(critic.parameters(), lr=2e-4, betas=(0.5, 0.999))
    generator_optimizer = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    entropy, ones = nn.functional.binary_cross_entropy_with_logits, torch.ones(16, 1)
    for t, (images, _) in enumerate(data.train_dataloader()):
        seed_step((t,), 0)
        fake = torch.tanh(generator(torch.randn(16, 3))).detach()
        on_real, on_fake = critic(torch.cat((images * 2 - 1, fake))).split(16)
        critic_optimizer.zero_grad()
        (entropy(on_real, ones) + entropy(on_fake, 0 * ones)).backward()
        critic_optimizer.step()
        if t % 2 == 1:
            logits = critic(torch.tanh(generator(torch.randn(16, 3))))
            generator_optimizer.zero_grad()
            non_saturating = generator_loss == "non_saturating"
            (entropy(logits, ones) if non_saturating else -entropy(logits, 0 * ones)).backward()
            generator_optimizer.step()
    for name, value in weights(twin).items():
        # softplus and cross entropy round differently: far less than a step of 2e-4
        torch.testing.assert_close(weights(model)[name], value, rtol=0, atol=1e-6)


def test_noise_is_added_to_all_that_the_critic_sees() -> None:
    model, seen = tiny_gan(noise_std=0.5, real_label=0.9), []
    model.critic.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    torch.manual_seed(0)
    model.critic_losses(torch.ones(200, *TINY_SHAPE), torch.zeros(200, *TINY_SHAPE))
    model.generator_losses(*torch.zeros(2, 200, *TINY_SHAPE))
    both, fake = seen
    for images, mean in ((both[:200], 1.0), (both[200:], 0.0), (fake, 0.0)):
        # of 12,800 numbers: five standard errors
        assert images.mean().item() == pytest.approx(mean, abs=5 * 0.5 / 12_800**0.5)
        assert images.std().item() == pytest.approx(0.5, abs=5 * 0.5 / 25_600**0.5)


def test_noise_falls_to_nothing() -> None:
    model = tiny_gan(noise_std=0.5, noise_steps=4)
    found = []
    for model.generator_step in range(6):
        found.append(model.present_noise_std())
    assert found == [0.5, 0.375, 0.25, 0.125, 0.0, 0.0]


def test_defaults_are_the_papers() -> None:
    model = GAN(TINY_SHAPE, 3, MLPDecoder, MLPEncoder)
    assert model.n_critic == 1
    assert model.present_noise_std() == 0
    assert (model.hparams["generator_loss"], model.hparams["real_label"]) == ("non_saturating", 1)
    for optimizer in model.configure_optimizers()[0]:  # type: ignore[index]
        assert isinstance(optimizer, torch.optim.Adam)
        assert (optimizer.defaults["lr"], optimizer.defaults["betas"]) == (2e-4, (0.5, 0.999))


def test_trains_with_batch_norm_and_all_options(tmp_path: Path) -> None:
    model = GAN(TINY_SHAPE, 3, ConvDecoder, ConvEncoder, real_label=0.9, noise_std=0.1)
    before = weights(model)
    trainer = quiet_trainer(tmp_path, limit_train_batches=2)
    trainer.fit(model, TinyImages(batch_size=16))
    assert not same_weights(before, weights(model))
    names = ("critic_loss", "generator_loss", "score_real", "score_fake")
    assert {f"train/{name}" for name in names} <= trainer.callback_metrics.keys()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"generator_loss": "wgan"},
            "`generator_loss` must be \"non_saturating\" or .* got 'wgan'",
        ),
        ({"real_label": 0.5}, r"`real_label` must be in \(0.5, 1\], got 0.5; 0.9 is usual"),
        ({"real_label": 1.1}, r"`real_label` must be in \(0.5, 1\], got 1.1"),
        ({"noise_std": -0.1}, "`noise_std` must be at least 0 and finite, got -0.1"),
        ({"noise_std": float("nan")}, "`noise_std` must be at least 0 and finite, got nan"),
        ({"noise_steps": 0}, "`noise_steps` must be at least 1, got 0"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny_gan(**arguments)
