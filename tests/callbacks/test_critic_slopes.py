"""Slopes of critics with known gradients, and the logged values."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import seed_everything
from torch import Tensor, nn

from callbacks import CriticSlopes
from callbacks.critic_slopes import slopes
from lightning_modules import WGAN
from tests.callbacks.runs import run
from tests.helpers import (
    TINY_SHAPE,
    TinyImages,
    TinyRows,
    quiet_trainer,
    same_weights,
    tiny_decoder,
    tiny_encoder,
    tiny_wgan,
    weights,
)


class Square(nn.Module):
    """f(x) = |x|^2 / 2 with the gradient x; the weight is for the optimizer."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1).square().sum(1) / 2 + 0 * self.weight


def with_critic(critic: nn.Module, shape: tuple[int, ...] = TINY_SHAPE) -> WGAN:
    return WGAN(shape, 3, tiny_decoder, lambda shape, outputs: critic, n_critic=2)


def test_slopes_by_hand() -> None:
    x = torch.randn(7, *TINY_SHAPE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():  # as within `evaluating`
        assert torch.allclose(slopes(Square(), x), x.flatten(1).norm(dim=1))
        linear = nn.Sequential(nn.Flatten(), nn.Linear(64, 1))
        expected = linear[1].weight.norm().expand(7)
        assert torch.allclose(slopes(linear, x), expected)
    assert linear[1].weight.grad is None
    assert not x.requires_grad


@pytest.mark.parametrize("make", [TinyImages, TinyRows])
@pytest.mark.parametrize("num_examples", [20, 100])  # of 72 training examples
def test_logged_values_by_hand(num_examples: int, make: type[TinyImages], tmp_path: Path) -> None:
    data = make(batch_size=24)
    model = with_critic(Square(), data.image_shape)
    callback = CriticSlopes(num_examples, seed=3)
    trainer = run(tmp_path, callback, model=model, data=data, max_epochs=3)
    # those of the first epoch: later epochs have another order
    images = torch.cat([batch[0] for batch in data.train_dataloader()])[:num_examples]
    n = min(num_examples, 72)
    assert len(images) == n
    generator = torch.Generator().manual_seed(3)
    z = model.prior.sample(n, generator=generator)
    u = torch.rand(n, generator=generator)[:, None]
    real = images.flatten(1) * 2 - 1 if make is TinyImages else images
    with torch.no_grad():
        fake = model.generate(z).flatten(1)
    # the gradient of |x|^2 / 2 is x
    points = {"real": real, "fake": fake, "interpolated": u * real + (1 - u) * fake}
    norms = {name: x.norm(dim=1) for name, x in points.items()}
    expected = {f"health/slope_{name}": float(values.mean()) for name, values in norms.items()}
    expected["health/lipschitz_estimate"] = float(torch.cat([*norms.values()]).max())
    logged = {k: float(v) for k, v in trainer.callback_metrics.items() if k[:7] == "health/"}
    assert logged == pytest.approx(expected, rel=1e-5)  # float32


def test_weights_and_random_numbers_do_not_depend_on_it(tmp_path: Path) -> None:
    states = []
    for callbacks in ([], [CriticSlopes(num_examples=8)]):
        seed_everything(1)
        model = tiny_wgan()
        assert isinstance(model.critic, nn.Sequential)
        model.critic.insert(2, nn.Dropout(0.5))
        quiet_trainer(tmp_path, max_epochs=2, callbacks=callbacks).fit(
            model, TinyImages(batch_size=16)
        )
        states.append((weights(model), torch.rand(3)))
    assert same_weights(states[0][0], states[1][0])
    assert torch.equal(states[0][1], states[1][1])


def test_a_critic_with_images_as_output_is_refused_before_training(tmp_path: Path) -> None:
    class Same(Square):
        def forward(self, x: Tensor) -> Tensor:
            return x * self.weight

    with pytest.raises(
        TypeError, match="needs a critic with one score for each image, got WGAN with another"
    ):
        run(tmp_path, CriticSlopes(), model=with_critic(Same()))
    assert list(tmp_path.iterdir()) == []


def test_critics_of_both_output_shapes_are_accepted() -> None:
    CriticSlopes().check_model(with_critic(Square()))
    CriticSlopes().check_model(WGAN(TINY_SHAPE, 3, tiny_decoder, tiny_encoder))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_examples": 0}, "`num_examples` must be at least 1, got 0"),
        ({"seed": -1}, "`seed` must be at least 0, got -1"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CriticSlopes(**arguments)
