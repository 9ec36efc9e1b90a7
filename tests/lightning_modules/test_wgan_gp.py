"""The WGAN with gradient penalty: Algorithm 1 step by step, its defaults, refused critics."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import seed_everything
from torch import Tensor, nn

from lightning_modules import WGANGP
from lightning_modules.base.alternating import Losses
from lightning_modules.base.step_seed import seed_step
from lightning_modules.wgan_gp import gradient_penalty
from networks import ConvEncoder, MLPDecoder, MLPEncoder
from tests.helpers import (
    TINY_SHAPE,
    TinyImages,
    TinyRows,
    quiet_trainer,
    same_weights,
    tiny_decoder,
    tiny_encoder,
    weights,
)


def tiny_wgan_gp(**arguments: Any) -> WGANGP:
    arguments = {"latent_dim": 3, "n_critic": 2, **arguments}
    return WGANGP(TINY_SHAPE, generator=tiny_decoder, critic=tiny_encoder, **arguments)


def test_losses_by_hand() -> None:
    model = tiny_wgan_gp(penalty_weight=3.0)
    real, fake = torch.rand(4, *TINY_SHAPE), torch.rand(4, *TINY_SHAPE)
    torch.manual_seed(7)
    losses = model.critic_losses(real, fake)
    torch.manual_seed(7)
    penalties = []
    for x, y, u in zip(real, fake, torch.rand(4, 1, 1, 1), strict=True):
        point = ((1 - u) * x + u * y).unsqueeze(0).requires_grad_()
        (slope,) = torch.autograd.grad(model.critic(point).squeeze(), point)
        penalties.append((float(slope.square().sum().sqrt()) - 1) ** 2)
    on_real, on_fake = (float(model.critic(x).detach().mean()) for x in (real, fake))
    # 1e-5: single precision, other orders of sums
    expected = on_fake - on_real + 3 * sum(penalties) / 4
    assert losses["loss"].item() == pytest.approx(expected, rel=1e-5)
    assert losses["gradient_penalty"].item() == pytest.approx(sum(penalties) / 4, rel=1e-5)
    assert losses["score_real"].item() == pytest.approx(on_real, rel=1e-5)
    assert losses["score_fake"].item() == pytest.approx(on_fake, rel=1e-5)
    assert losses["wasserstein_estimate"].item() == pytest.approx(on_real - on_fake, abs=1e-6)
    assert model.generator_losses(real, fake)["loss"].item() == pytest.approx(-on_fake, rel=1e-5)


def test_training_is_algorithm_1(tmp_path: Path) -> None:
    seed_everything(5)
    model, twin = tiny_wgan_gp(), tiny_wgan_gp()
    twin.load_state_dict(model.state_dict())
    data = TinyImages(batch_size=16)
    quiet_trainer(tmp_path, limit_train_batches=4, limit_val_batches=0).fit(model, data)
    critic, generator = twin.critic, twin.generator
    critic_optimizer = torch.optim.Adam(critic.parameters(), lr=1e-4, betas=(0.0, 0.9))
    generator_optimizer = torch.optim.Adam(generator.parameters(), lr=1e-4, betas=(0.0, 0.9))
    for t, (images, _) in enumerate(data.train_dataloader()):
        seed_step((t,), 0)
        real, fake = images * 2 - 1, torch.tanh(generator(torch.randn(16, 3))).detach()
        on_real, on_fake = critic(torch.cat((real, fake))).split(16)
        between = (real + torch.rand(16, 1, 1, 1) * (fake - real)).requires_grad_()
        (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        penalty = (slope.flatten(1).norm(dim=1) - 1).square().mean()
        critic_optimizer.zero_grad()
        (10 * penalty - (on_real.mean() - on_fake.mean())).backward()
        critic_optimizer.step()
        if t % 2 == 1:
            generator_optimizer.zero_grad()
            (-critic(torch.tanh(generator(torch.randn(16, 3)))).mean()).backward()
            generator_optimizer.step()
    assert same_weights(weights(model), weights(twin))


def test_defaults_are_the_papers() -> None:
    model = WGANGP(TINY_SHAPE, 3, MLPDecoder, MLPEncoder)
    assert model.n_critic == 5
    assert model.hparams["penalty_weight"] == 10
    for optimizer in model.configure_optimizers()[0]:  # type: ignore[index]
        assert isinstance(optimizer, torch.optim.Adam)
        assert optimizer.defaults["lr"] == 1e-4
        assert optimizer.defaults["betas"] == (0.0, 0.9)


def test_the_penalty_brings_the_slope_to_one(tmp_path: Path) -> None:
    seed_everything(0)
    fast = partial(torch.optim.Adam, lr=3e-3)
    model = WGANGP((64,), 3, tiny_decoder, tiny_encoder, critic_optimizer=fast, n_critic=1000)
    rows = TinyRows(batch_size=18, num_validation=8)
    assert gradient_penalty(model.critic, rows.read(train=True)[0] / 255) > 0.5
    trainer = quiet_trainer(tmp_path, max_epochs=40, limit_val_batches=0)
    trainer.fit(model, rows)
    assert trainer.callback_metrics["train/gradient_penalty"] < 0.1
    assert trainer.callback_metrics["train/wasserstein_estimate"] > 0


def test_what_is_logged(tmp_path: Path) -> None:
    trainer = quiet_trainer(tmp_path, limit_train_batches=1)
    trainer.fit(tiny_wgan_gp(), TinyImages(batch_size=16))
    terms = {"wasserstein_estimate", "gradient_penalty", "score_real", "score_fake"}
    assert {f"train/{term}" for term in terms} <= trainer.callback_metrics.keys()


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [
        ("bf16-mixed", torch.float32),
        ("bf16-true", torch.bfloat16),
        ("64-true", torch.float64),
    ],
)
def test_trains_in_other_precisions(tmp_path: Path, precision: Any, dtype: torch.dtype) -> None:
    model, seen = tiny_wgan_gp(), set()
    critic_losses, before = model.critic_losses, weights(model)

    def spy(real: Tensor, fake: Tensor) -> Losses:
        losses = critic_losses(real, fake)
        seen.add(losses["gradient_penalty"].dtype)
        return losses

    model.critic_losses = spy  # type: ignore[method-assign]
    trainer = quiet_trainer(tmp_path, precision=precision, limit_val_batches=0)
    trainer.fit(model, TinyImages(batch_size=16))
    assert seen == {dtype}
    assert model.generator_step == 2
    assert not same_weights(before, weights(model))


def test_a_critic_with_batch_norm_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`critic` must have no batch norm, because.*`batch_norm"):
        WGANGP((1, 16, 16), 3, tiny_decoder, ConvEncoder)


@pytest.mark.parametrize("penalty_weight", [0.0, -1.0, float("nan")])
def test_wrong_penalty_weight(penalty_weight: float) -> None:
    with pytest.raises(ValueError, match=r"`penalty_weight` must be > 0, got .* the paper's is 10"):
        tiny_wgan_gp(penalty_weight=penalty_weight)


def smooth_critic(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 5), nn.Tanh(), nn.Linear(5, 1)).double()


def numeric_penalty(critic: nn.Module, points: Tensor, step: float = 1e-6) -> float:
    """The same penalty from central differences of the critic, coordinate by coordinate."""
    total = 0.0
    for point in points:
        squares = 0.0
        for place in range(point.numel()):
            moved = torch.zeros(point.numel(), dtype=point.dtype)
            moved[place] = step
            moved = moved.reshape(point.shape)
            with torch.no_grad():
                above, below = critic(torch.stack((point + moved, point - moved))).flatten()
            squares += float((above - below) / (2 * step)) ** 2
        total += (squares**0.5 - 1) ** 2
    return total / len(points)


def test_gradient_penalty_is_that_of_numeric_derivatives() -> None:
    critic, points = smooth_critic(), torch.randn(4, 3, 2, 2, dtype=torch.float64)
    # central differences of step 1e-6 in float64: about 1e-10
    expected = numeric_penalty(critic, points)
    assert gradient_penalty(critic, points).item() == pytest.approx(expected, rel=1e-7)


def test_its_gradient_in_the_critic_s_weights_is_the_numeric_one() -> None:
    critic, points = smooth_critic(), torch.randn(4, 3, 2, 2, dtype=torch.float64)
    gradient_penalty(critic, points).backward()
    step = 1e-6
    for weight in (critic[1].weight, critic[1].bias, critic[3].weight):
        flat = weight.detach().view(-1)
        for place in range(len(flat)):
            kept = flat[place].item()
            flat[place] = kept + step
            above = gradient_penalty(critic, points).item()
            flat[place] = kept - step
            below = gradient_penalty(critic, points).item()
            flat[place] = kept
            found = weight.grad.view(-1)[place].item()
            # 1e-16 / step is lost in the difference, and step^2 of the curvature
            assert found == pytest.approx((above - below) / (2 * step), rel=1e-5, abs=1e-8)
    assert critic[3].bias.grad is None  # a constant has no slope


def test_the_norm_is_over_all_coordinates_of_a_image() -> None:
    def critic(images: Tensor) -> Tensor:
        return (images * slope).flatten(1).sum(1, keepdim=True)

    slope = torch.zeros(3, 4, 5)
    slope[:, 0, 0] = torch.tensor([2.0, 3.0, 6.0])  # of norm 7; channels one by one: 2, 3, 6
    assert gradient_penalty(critic, torch.randn(2, 3, 4, 5)).item() == pytest.approx(36.0)


@pytest.mark.parametrize(("slope", "expected"), [(0.0, 1.0), (0.5, 0.25), (1.0, 0.0), (3.0, 4.0)])
def test_both_sides_are_punished_and_a_flat_critic_gives_no_nan(
    slope: float, expected: float
) -> None:
    critic = nn.Linear(1, 1)
    nn.init.constant_(critic.weight, slope)
    penalty = gradient_penalty(critic, torch.randn(6, 1))
    penalty.backward()
    assert penalty.item() == pytest.approx(expected)
    assert critic.weight.grad.isfinite().all()


def test_points_get_no_gradient() -> None:
    points = torch.randn(3, 12, requires_grad=True)
    gradient_penalty(smooth_critic().float(), points).backward()
    assert points.grad is None


def test_autocast_is_left() -> None:
    critic, points = smooth_critic(), torch.randn(64, 12)
    expected = numeric_penalty(critic, points.double())
    critic.float()
    with torch.autocast("cpu", torch.bfloat16):
        assert critic(points).dtype == torch.bfloat16
        found = gradient_penalty(critic, points)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(expected, rel=1e-5)  # bfloat16 has 1e-2 to 1e-3


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_dtype_is_the_critic_s(dtype: torch.dtype) -> None:
    critic = smooth_critic().to(dtype)
    assert gradient_penalty(critic, torch.randn(3, 12, dtype=dtype)).dtype == dtype
