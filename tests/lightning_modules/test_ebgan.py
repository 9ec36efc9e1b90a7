"""The energy-based GAN: losses by hand on both sides of the margin, its defaults."""

import math
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lightning import seed_everything
from torch import Tensor, nn

from lightning_modules import EBGAN, TrainingError
from lightning_modules.ebgan import EnergyCritic, pulling_away
from networks import MLPDecoder, MLPEncoder
from tests.helpers import (
    TINY_SHAPE,
    DarkImages,
    TinyRows,
    quiet_trainer,
    tiny_decoder,
    tiny_ebgan,
    tiny_encoder,
)


class Black(nn.Module):
    """A decoder of zeros: the energy is the norm of the image."""

    def forward(self, codes: Tensor) -> Tensor:
        return torch.zeros(len(codes), *TINY_SHAPE)


class FirstTwo(nn.Module):
    """An encoder that a test can read: the first two pixels."""

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1)[:, :2]


def readable_ebgan(**arguments: Any) -> EBGAN:
    model = tiny_ebgan(**arguments)
    model.critic.encoder, model.critic.decoder = FirstTwo(), Black()
    return model


def random_images(*pixels: tuple[float, float]) -> Tensor:
    images = torch.zeros(len(pixels), *TINY_SHAPE)
    images[:, 0, 0, :2] = torch.tensor(pixels)
    return images


def test_critic_s_loss_by_hand() -> None:
    real = random_images((3.0, 4.0), (0.0, 1.0))  # energies 5 and 1
    fake = random_images((6.0, 8.0), (0.0, 12.0), (0.0, -7.0))  # 10, 12 and 7
    losses = readable_ebgan(margin=11.0).critic_losses(real, fake)
    assert losses["loss"].item() == pytest.approx(6 / 2 + (1 + 0 + 4) / 3)
    assert losses["score_real"].mean().item() == pytest.approx(3)
    assert losses["score_fake"].mean().item() == pytest.approx(29 / 3)


@pytest.mark.parametrize(("margin", "slope"), [(6.0, 0.0), (8.0, -1.0)])
def test_critic_pushes_images_up_to_the_margin_only(margin: float, slope: float) -> None:
    fake = random_images((0.0, 7.0)).requires_grad_()
    readable_ebgan(margin=margin).critic_losses(random_images((1.0, 0.0)), fake)["loss"].backward()
    assert fake.grad is not None
    assert fake.grad[0, 0, 0, 1].item() == pytest.approx(slope)


def test_generator_s_loss_by_hand() -> None:
    fake = random_images((3.0, 4.0), (1.0, 0.0), (0.0, -2.0))
    losses = readable_ebgan(pulling_away_weight=0.5).generator_losses(fake, fake)
    repulsion = 2 * (0.6**2 + 0.8**2 + 0) / 6  # each pair is met twice
    assert losses["pulling_away"].item() == pytest.approx(repulsion)
    assert losses["loss"].item() == pytest.approx((5 + 1 + 2) / 3 + 0.5 * repulsion)


def test_repulsion_can_be_left_out() -> None:
    model = readable_ebgan(pulling_away_weight=0.0)
    alone = random_images((3.0, 4.0))
    losses = model.generator_losses(alone, alone)
    assert set(losses) == {"loss"}
    assert losses["loss"].item() == 5


def test_defaults_are_the_papers() -> None:
    model = EBGAN(TINY_SHAPE, 3, MLPDecoder, MLPEncoder, MLPDecoder, 5)
    assert model.n_critic == 1
    assert model._margin == 10
    assert model._pulling_away_weight == 0.1
    for optimizer in model.configure_optimizers()[0]:  # type: ignore[index]
        assert isinstance(optimizer, torch.optim.Adam)
        assert optimizer.defaults["lr"] == 1e-3


def test_critic_is_an_autoencoder_of_the_given_code() -> None:
    critic = tiny_ebgan(code_dim=5).critic
    images = torch.rand(2, *TINY_SHAPE)
    assert critic.encoder(images).shape == (2, 5)
    assert critic.decoder(torch.rand(2, 5)).shape == images.shape
    assert critic(images).shape == (2, 1)


def test_learns_the_mean_of_a_dark_image_set(tmp_path: Path) -> None:
    seed_everything(0)
    fast = partial(torch.optim.Adam, lr=5e-3, betas=(0.5, 0.9))
    model = tiny_ebgan(generator_optimizer=fast, critic_optimizer=fast, margin=2.0)
    z = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
    assert model.decode(z).mean() > 0.4
    trainer = quiet_trainer(tmp_path, max_epochs=60, limit_val_batches=0)
    trainer.fit(model, DarkImages(batch_size=36))
    # with either sign of the margin's term or the generator's loss turned it stays above 0.46
    assert model.decode(z).mean().item() == pytest.approx(15.5 / 255, abs=0.08)


def test_rows_of_a_table(tmp_path: Path) -> None:
    model = EBGAN((64,), 3, tiny_decoder, tiny_encoder, tiny_decoder, 5)
    trainer = quiet_trainer(tmp_path, limit_train_batches=2, limit_val_batches=0)
    trainer.fit(model, TinyRows(batch_size=16))
    assert 0 <= trainer.callback_metrics["train/pulling_away"] <= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"margin": 0.0}, "`margin` must be > 0, got 0.0; the paper's for MNIST is 10"),
        ({"margin": float("nan")}, "`margin` must be > 0, got nan"),
        (
            {"pulling_away_weight": -0.1},
            "`pulling_away_weight` must be at least 0, got -0.1; the paper",
        ),
        ({"code_dim": 0}, "`code_dim` must be at least 1, got 0"),
        ({"encoder": partial(MLPEncoder, widths=(0,))}, "`widths` and all sizes must be at least"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny_ebgan(**arguments)


@given(n=st.integers(2, 7), d=st.integers(1, 9), seed=st.integers(0, 1000))
def test_is_the_mean_squared_cosine_of_different_codes(n: int, d: int, seed: int) -> None:
    codes = torch.randn(n, d, generator=torch.Generator().manual_seed(seed))
    total = 0.0
    for i in range(n):
        for j in range(n):
            if i != j:
                length = float(codes[i].norm() * codes[j].norm())
                total += (float(codes[i] @ codes[j]) / length) ** 2
    # 1e-5: float32
    assert pulling_away(codes).item() == pytest.approx(total / (n * (n - 1)), abs=1e-5)


def test_extremes() -> None:
    assert pulling_away(torch.eye(4) * 3).item() == 0
    same = torch.tensor([[3.0, 4.0], [6.0, 8.0], [-3.0, -4.0]])
    assert pulling_away(same).item() == pytest.approx(1)  # opposite ones too: cosines are squared
    assert pulling_away(torch.tensor([[1.0, 0.0], [1.0, 1.0]])).item() == pytest.approx(0.5)


def test_length_of_codes_does_not_matter() -> None:
    codes = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([0.1, 2.0, 30.0, 1.0, 5.0])[:, None]
    assert pulling_away(codes * lengths).item() == pytest.approx(pulling_away(codes).item())


def test_a_zero_code_has_a_gradient_and_no_direction() -> None:
    codes = torch.zeros(2, 3, requires_grad=True)
    term = pulling_away(codes)
    term.backward()
    assert term.item() == 0
    assert codes.grad is not None
    assert codes.grad.isfinite().all()


def test_is_exact_under_autocast() -> None:
    codes = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(pulling_away(codes), pulling_away(codes.clone()))
        inside = pulling_away(codes)
    assert torch.equal(inside, pulling_away(codes))


def test_codes_of_half_precision_are_compared_in_full() -> None:
    codes = torch.randn(5, 3, generator=torch.Generator().manual_seed(0)).bfloat16()
    term = pulling_away(codes)
    assert term.dtype == torch.float32
    assert torch.equal(term, pulling_away(codes.float()))


def test_one_code_alone() -> None:
    message = r"compares at least 2 images, got 1; raise `generator_batch_size` or set `pulling"
    with pytest.raises(TrainingError, match=message):
        pulling_away(torch.ones(1, 3))


SHAPE = (1, 2, 2)


class Constant(nn.Module):
    """A decoder that always makes the same grey."""

    def __init__(self, value: float, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self._value, self._dtype = value, dtype

    def forward(self, codes: Tensor) -> Tensor:
        return torch.full((len(codes), 1, 2, 2), self._value, dtype=self._dtype)


def test_energy_is_the_euclidean_norm_of_the_error() -> None:
    critic = EnergyCritic(nn.Flatten(), Constant(0.0), SHAPE)
    images = torch.tensor([[3.0, 0.0, 0.0, 4.0], [1.0, 1.0, 1.0, 1.0]]).view(2, 1, 2, 2)
    assert critic(images).tolist() == [[5.0], [2.0]]
    assert torch.equal(critic.energies(images, images.flatten(1)), critic(images))


def test_images_are_made_between_minus_one_and_one_and_rows_are_not() -> None:
    images = torch.zeros(1, 1, 2, 2)
    assert EnergyCritic(nn.Flatten(), Constant(50.0), SHAPE)(images).item() == 2
    assert EnergyCritic(nn.Flatten(), Constant(50.0), (4,))(images).item() == 100
    near = EnergyCritic(nn.Flatten(), Constant(0.5), SHAPE)(images).item()
    assert math.isclose(near, 2 * math.tanh(0.5), rel_tol=1e-6)


def test_half_precision_is_left_before_digits_are_lost() -> None:
    half = torch.bfloat16
    images = torch.full((1, 1, 2, 2), 0.3984375, dtype=half)
    near = EnergyCritic(nn.Flatten(), Constant(100.0, half), (4,))(images)
    assert near.dtype == torch.float32
    assert near.item() == 2 * (100 - 0.3984375)  # of half precision 2 * 99.5
    bounded = EnergyCritic(nn.Flatten(), Constant(0.5, half), SHAPE)(0 * images).item()
    assert math.isclose(bounded, 2 * math.tanh(0.5), rel_tol=1e-6)
    doubles = EnergyCritic(nn.Flatten(), Constant(0.5, torch.float64), SHAPE)(images.double())
    assert doubles.dtype == torch.float64


def test_a_perfect_reconstruction_has_a_finite_gradient() -> None:
    critic = EnergyCritic(nn.Flatten(), nn.Unflatten(1, (1, 2, 2)), (4,))
    images = torch.ones(1, 1, 2, 2, requires_grad=True)
    critic(images).sum().backward()
    assert images.grad is not None
    assert images.grad.isfinite().all()
