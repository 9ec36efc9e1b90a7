"""The spectrally normalized GAN: its losses by hand, its defaults, its norms in training."""

from functools import partial
from pathlib import Path

import pytest
import torch
from lightning import seed_everything
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils import parametrize

from lightning_modules import SNGAN
from lightning_modules.base.step_seed import seed_step
from lightning_modules.sngan import normalize_spectrally
from networks import ConvEncoder, MLPDecoder, MLPEncoder
from tests.helpers import (
    TINY_SHAPE,
    DarkImages,
    TinyImages,
    quiet_trainer,
    same_weights,
    tiny_decoder,
    tiny_sngan,
    weights,
)

ORIGINAL = "parametrizations.weight.original"


class Brightness(nn.Module):
    """The sum of all pixels: scores that a test can choose."""

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1).sum(1, keepdim=True)


def random_images(*scores: float) -> Tensor:
    images = torch.zeros(len(scores), *TINY_SHAPE)
    images[:, 0, 0, 0] = torch.tensor(scores)
    return images


def test_losses_by_hand() -> None:
    model = tiny_sngan()
    model.critic = Brightness()
    losses = model.critic_losses(random_images(0.25, 3.0), random_images(-5.0, -1.0, 0.5))
    # hinges: real 0.75 and 0, fake 0, 0 and 1.5
    assert losses["loss"].item() == pytest.approx(0.75 / 2 + 1.5 / 3)
    assert losses["score_real"].mean().item() == pytest.approx(3.25 / 2)
    assert losses["score_fake"].mean().item() == pytest.approx(-5.5 / 3)
    fake = random_images(-5.0, -1.0, 0.5)
    loss = model.generator_losses(fake, fake)["loss"]
    assert loss.item() == pytest.approx(5.5 / 3)


def test_satisfied_hinges_give_no_gradient() -> None:
    model = tiny_sngan()
    model.critic = Brightness()
    real, fake = random_images(1.5).requires_grad_(), random_images(-1.5).requires_grad_()
    model.critic_losses(real, fake)["loss"].backward()
    assert real.grad is not None
    assert fake.grad is not None
    assert real.grad.abs().max() == fake.grad.abs().max() == 0


def test_training_is_the_algorithm_written_out(tmp_path: Path) -> None:
    seed_everything(5)
    model = tiny_sngan(n_critic=2)
    generator = tiny_decoder(TINY_SHAPE, 3)
    generator.load_state_dict(model.generator.state_dict())
    start = weights(model)
    w = [start[f"critic.{i}.{ORIGINAL}"].requires_grad_() for i in (1, 3)]
    b = [start[f"critic.{i}.bias"].requires_grad_() for i in (1, 3)]
    v = [start[f"critic.{i}.parametrizations.weight.0._v"] for i in (1, 3)]
    u = [start[f"critic.{i}.parametrizations.weight.0._u"] for i in (1, 3)]

    def critic(images: Tensor, iterate: bool) -> Tensor:
        h = images.flatten(1)
        for i in range(2):
            if iterate:
                u[i] = normalize(w[i].detach() @ v[i], dim=0)
                v[i] = normalize(w[i].detach().T @ u[i], dim=0)
            h = h @ (w[i] / (u[i] @ w[i] @ v[i])).T + b[i]
            h = h.relu() if i == 0 else h
        return h

    data = TinyImages(batch_size=16)
    quiet_trainer(tmp_path, limit_train_batches=4, limit_val_batches=0).fit(model, data)
    adam = partial(torch.optim.Adam, lr=2e-4, betas=(0.0, 0.9))
    critic_optimizer, generator_optimizer = adam([*w, *b]), adam(generator.parameters())
    for t, (images, _) in enumerate(data.train_dataloader()):
        seed_step((t,), 0)
        fake = torch.tanh(generator(torch.randn(16, 3))).detach()
        critic_optimizer.zero_grad()
        on_real, on_fake = critic(torch.cat((images * 2 - 1, fake)), iterate=True).split(16)
        ((1 - on_real).clamp(min=0).mean() + (1 + on_fake).clamp(min=0).mean()).backward()
        critic_optimizer.step()
        if t % 2 == 1:
            generator_optimizer.zero_grad()
            (-critic(torch.tanh(generator(torch.randn(16, 3))), iterate=False).mean()).backward()
            generator_optimizer.step()
    # 1e-6: float32 and Adam's first steps, which turn rounding of tiny gradients into steps of lr
    for i, weight, vector in zip((1, 3), w, v, strict=True):
        trained = model.state_dict()
        assert torch.allclose(trained[f"critic.{i}.{ORIGINAL}"], weight, atol=1e-6)
        assert torch.allclose(
            trained[f"critic.{i}.parametrizations.weight.0._v"], vector, atol=1e-6
        )
    for ours, theirs in zip(model.generator.parameters(), generator.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_spectral_norms_are_within_a_percent_of_one_after_training(tmp_path: Path) -> None:
    seed_everything(0)
    # both rates fall to 0 as the authors' do; one power iteration a step lags behind constant ones
    decay = partial(torch.optim.lr_scheduler.LinearLR, start_factor=1.0, end_factor=0.0)
    model = SNGAN(
        (1, 8, 8),
        3,
        tiny_decoder,
        partial(ConvEncoder, width=8, batch_norm=False),
        critic_scheduler=partial(decay, total_iters=160),
    )
    trainer = quiet_trainer(tmp_path, max_epochs=50, limit_val_batches=0)
    trainer.fit(model, TinyImages(batch_size=16))  # 200 critic steps
    model.critic.eval()
    layers = [layer for layer in model.critic if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert len(layers) == 2
    for layer in layers:
        values = torch.linalg.svdvals(layer.weight.detach().flatten(1))
        assert float(values[0]) == pytest.approx(1, abs=0.01)


def test_generator_step_leaves_the_critic_and_its_vectors_alone(tmp_path: Path) -> None:
    model, seen = tiny_sngan(n_critic=1), []
    generator_losses = model.generator_losses

    def spy(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        before = weights(model)
        losses = dict(generator_losses(real, fake))
        seen.append(same_weights(before, weights(model)))
        return losses

    model.generator_losses = spy  # type: ignore[method-assign]
    quiet_trainer(tmp_path, limit_train_batches=3).fit(model, TinyImages(batch_size=16))
    assert seen == [True] * 3


def test_defaults_are_the_authors() -> None:
    model = SNGAN(TINY_SHAPE, 3, MLPDecoder, MLPEncoder)
    assert model.n_critic == 5
    for optimizer in model.configure_optimizers()[0]:  # type: ignore[index]
        assert isinstance(optimizer, torch.optim.Adam)
        assert optimizer.defaults["lr"] == 2e-4
        assert optimizer.defaults["betas"] == (0.0, 0.9)


def test_learns_the_mean_of_a_dark_image_set(tmp_path: Path) -> None:
    seed_everything(0)
    fast = partial(torch.optim.Adam, lr=1e-2, betas=(0.0, 0.9))
    model = tiny_sngan(generator_optimizer=fast, critic_optimizer=fast)
    z = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
    assert model.decode(z).mean() > 0.4
    trainer = quiet_trainer(tmp_path, max_epochs=100, limit_val_batches=0)
    trainer.fit(model, DarkImages(batch_size=36))
    assert model.decode(z).mean().item() == pytest.approx(15.5 / 255, abs=0.08)


@pytest.mark.parametrize("number", [1, 4])
def test_power_iterations_reach_every_layer_of_the_critic(number: int) -> None:
    model = tiny_sngan(num_power_iterations=number)
    layers = [layer for layer in model.critic if isinstance(layer, nn.Linear)]
    assert len(layers) == 2
    for layer in layers:
        assert layer.parametrizations.weight[0].n_power_iterations == number
    assert model.hparams["num_power_iterations"] == number


def test_no_power_iteration() -> None:
    with pytest.raises(ValueError, match="`num_power_iterations` must be at least 1, got 0"):
        tiny_sngan(num_power_iterations=0)


def test_a_critic_with_batch_norm() -> None:
    message = r"`critic` must have no batch norm, because.* ConvEncoder with one; set `batch_norm"
    with pytest.raises(ValueError, match=message):
        SNGAN((1, 16, 16), 3, tiny_decoder, ConvEncoder)


def largest_singular_value(layer: nn.Module) -> float:
    weight = layer.weight.detach().double()  # type: ignore[union-attr,operator]
    if isinstance(layer, nn.ConvTranspose2d):
        weight = weight.transpose(0, 1)  # (in, out, ...): rows are output channels
    return float(torch.linalg.svdvals(weight.flatten(1))[0])


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        (nn.Linear(9, 7), torch.ones(2, 9)),
        (nn.Conv1d(3, 5, 3), torch.ones(2, 3, 8)),
        (nn.Conv2d(3, 5, 4, stride=2), torch.ones(2, 3, 8, 8)),
        (nn.ConvTranspose2d(3, 5, 4), torch.ones(2, 3, 8, 8)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_weights_get_norm_one(layer: nn.Module, x: Tensor) -> None:
    with torch.no_grad():
        layer.weight.mul_(50.0)  # type: ignore[union-attr,operator]
    bias = layer.bias.clone()  # type: ignore[union-attr,operator]
    network = nn.Sequential(nn.Sequential(layer), nn.ReLU())
    normalize_spectrally(network)
    for _ in range(200):
        network(x)
    network.eval()
    # 200 power iterations of matrices whose two largest values differ by percents
    assert largest_singular_value(layer) == pytest.approx(1, abs=1e-3)
    assert torch.equal(layer.bias, bias)  # type: ignore[arg-type]


def test_other_layers_are_left_alone() -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.PReLU())
    normalize_spectrally(network)
    assert [parametrize.is_parametrized(layer) for layer in network] == [True, False, False]


@pytest.mark.parametrize("num_iterations", [1, 3])
def test_power_iterations_of_a_pass_in_training_and_none_in_evaluation(num_iterations: int) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(9, 7, bias=False))
    normalize_spectrally(network, num_iterations)
    state = network.state_dict()
    weight = state["0.parametrizations.weight.original"]
    v = state["0.parametrizations.weight.0._v"]
    for _ in range(num_iterations):
        u = nn.functional.normalize(weight @ v, dim=0)
        v = nn.functional.normalize(weight.T @ u, dim=0)
    network(torch.ones(1, 9))
    now = network.state_dict()
    assert torch.allclose(now["0.parametrizations.weight.0._u"], u, atol=1e-6)
    assert torch.allclose(now["0.parametrizations.weight.0._v"], v, atol=1e-6)
    network.eval()
    before = {name: value.clone() for name, value in now.items()}
    network(torch.ones(1, 9))
    assert same_weights(before, network.state_dict())
