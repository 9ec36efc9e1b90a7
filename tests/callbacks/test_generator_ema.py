"""The average of the generator: by hand, after a resume, and applied temporarily."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer, seed_everything
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from callbacks import GeneratorEMA, HistoryAwareSampling
from callbacks.generator_ema import find_generator_ema
from lightning_modules import WGAN
from tests.callbacks.runs import read_image, run
from tests.helpers import (
    TINY_SHAPE,
    TinyImages,
    quiet_trainer,
    same_weights,
    tiny_encoder,
    tiny_wgan,
    weights,
)

FAST = partial(torch.optim.RMSprop, lr=1e-2)


class Note(Callback):
    """Records the generator's weights after each batch."""

    def __init__(self) -> None:
        self.states: list[dict[str, Tensor]] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        self.states.append(weights(pl_module.generator))


def gan(**arguments: Any) -> WGAN:
    """Returns a WGAN whose generator has a batch norm and a spectral norm."""
    model = tiny_wgan(generator_optimizer=FAST, critic_optimizer=FAST, **arguments)
    assert isinstance(model.generator, nn.Sequential)
    model.generator.insert(1, nn.BatchNorm1d(16))
    spectral_norm(model.generator[0])
    return model


def train(folder: Path, *callbacks: Callback, epochs: int = 3, **arguments: Any) -> WGAN:
    seed_everything(2)
    model = gan()
    trainer = quiet_trainer(folder, max_epochs=epochs, callbacks=list(callbacks))
    trainer.fit(model, TinyImages(batch_size=16), **arguments)  # 4 batches per epoch
    return model


def average(ema: GeneratorEMA) -> dict[str, Tensor]:
    return ema.state_dict()["average"]


@pytest.mark.parametrize(("decay", "start_step"), [(0.999, 0), (0.2, 0), (0.5, 2)])
def test_average_by_hand(decay: float, start_step: int, tmp_path: Path) -> None:
    ema, note = GeneratorEMA(decay, start_step), Note()
    train(tmp_path, ema, note)
    # 12 batches with two critic steps per generator step: a generator step in every second one
    stepped = [state for number, state in enumerate(note.states, start=1) if number % 2 == 0]
    first, *later = stepped[start_step:]
    expected = {name: value.double() for name, value in first.items()}
    for n, state in enumerate(later, start=1):
        rate = min(decay, (1 + n) / (10 + n))
        for name, value in state.items():
            expected[name] = rate * expected[name] + (1 - rate) * value
    for name, value in average(ema).items():
        if name.endswith(("num_batches_tracked", "_u", "_v")):
            assert torch.equal(value, stepped[-1][name])
        else:
            # float32: a few roundings of numbers of size 1
            assert torch.allclose(value.double(), expected[name], atol=1e-6), name
    assert not same_weights(average(ema), stepped[-1])


def test_weights_do_not_depend_on_it(tmp_path: Path) -> None:
    sampling = partial(HistoryAwareSampling, num_samples=2)
    plain = train(tmp_path, sampling())
    with_average = train(tmp_path, GeneratorEMA(), sampling(use_ema=True))
    assert same_weights(weights(plain), weights(with_average))


@pytest.mark.parametrize("epochs", [1, 2])
def test_a_resumed_average_is_exact(epochs: int, tmp_path: Path) -> None:
    whole, part, resumed = GeneratorEMA(), GeneratorEMA(), GeneratorEMA()
    train(tmp_path, whole)
    seed_everything(2)
    trainer = quiet_trainer(tmp_path, max_epochs=epochs, callbacks=[part])
    trainer.fit(gan(), TinyImages(batch_size=16))
    trainer.save_checkpoint(tmp_path / "part.ckpt")
    torch.load(tmp_path / "part.ckpt", weights_only=True)
    train(tmp_path, resumed, ckpt_path=str(tmp_path / "part.ckpt"))
    assert same_weights(average(whole), average(resumed))
    assert resumed.state_dict()["num_updates"] == whole.state_dict()["num_updates"] == 5


def test_a_checkpoint_without_an_average_starts_one(tmp_path: Path) -> None:
    trainer = quiet_trainer(tmp_path, max_epochs=1)
    trainer.fit(gan(), TinyImages(batch_size=16))
    trainer.save_checkpoint(tmp_path / "none.ckpt")
    ema, note = GeneratorEMA(), Note()
    train(tmp_path, ema, note, epochs=2, ckpt_path=str(tmp_path / "none.ckpt"))
    # from the first generator step on, in the second batch
    assert ema.state_dict()["num_updates"] == 1


def test_applied_uses_the_average_and_restores_the_weights(tmp_path: Path) -> None:
    ema = GeneratorEMA(decay=0.9)
    model = train(tmp_path, ema)
    before, parameters = weights(model), list(model.parameters())
    with ema.applied(model):
        assert same_weights(weights(model.generator), average(ema))
        assert same_weights(weights(model.critic), _part(before, "critic."))
        model.train()
        model.generate(torch.randn(8, 3))  # changes the running statistics
    assert same_weights(weights(model), before)
    with pytest.raises(ZeroDivisionError), ema.applied(model):
        raise ZeroDivisionError
    assert same_weights(weights(model), before)
    assert all(one is other for one, other in zip(model.parameters(), parameters, strict=True))


class Tied(nn.Module):
    """Two layers that share their weight, but not their bias."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(64, 64), nn.Linear(64, 64)
        self.outer.weight = self.inner.weight

    def forward(self, z: Tensor) -> Tensor:
        return self.outer(self.inner(z).relu()).view(-1, *TINY_SHAPE)


def tied_gan() -> WGAN:
    return WGAN(TINY_SHAPE, 64, lambda *_: Tied(), tiny_encoder, FAST, FAST, n_critic=1)


def test_a_shared_weight_is_averaged_and_restored(tmp_path: Path) -> None:
    ema, note = GeneratorEMA(decay=0.2), Note()
    seed_everything(2)
    model = tied_gan()
    quiet_trainer(tmp_path, callbacks=[ema, note]).fit(model, TinyImages(batch_size=16))
    expected, *later = (state["inner.weight"].double() for state in note.states)
    for n, weight in enumerate(later, start=1):
        rate = min(0.2, (1 + n) / (10 + n))
        expected = rate * expected + (1 - rate) * weight
    assert len(later) == 3
    before = weights(model)
    with ema.applied(model):
        for layer in (model.generator.inner, model.generator.outer):
            assert layer.weight is model.generator.inner.weight
            # float32: a few roundings of numbers of size 1
            assert torch.allclose(layer.weight.double(), expected, atol=1e-6)
    assert same_weights(weights(model), before)


def test_nothing_changes_before_the_first_update(tmp_path: Path) -> None:
    ema = GeneratorEMA(start_step=100)
    model = train(tmp_path, ema)
    assert not ema.is_ready
    before = weights(model)
    with ema.applied(model):
        assert same_weights(weights(model), before)


def test_half_precision_is_averaged_in_float32(tmp_path: Path) -> None:
    ema = GeneratorEMA()
    trainer = quiet_trainer(tmp_path, max_epochs=2, callbacks=[ema], precision="bf16-true")
    model = tiny_wgan()
    trainer.fit(model, TinyImages(batch_size=16))
    assert {value.dtype for value in average(ema).values()} == {torch.float32}
    with ema.applied(model):
        assert {value.dtype for value in weights(model).values()} == {torch.bfloat16}


def test_sampling_decodes_the_same_latents_by_the_average(tmp_path: Path) -> None:
    shown = []
    for use_ema in (False, True):
        folder = tmp_path / str(use_ema)
        ema, sampling = GeneratorEMA(0.99), HistoryAwareSampling(4, use_ema=use_ema)
        train(folder, ema, sampling)
        image = read_image(folder / "images" / "epoch-0003-new.png")
        shown.append((sampling.state_dict()["points"], image))
    assert torch.equal(shown[0][0], shown[1][0])
    assert not torch.equal(shown[0][1], shown[1][1])


def test_it_is_found_among_other_callbacks() -> None:
    ema = GeneratorEMA()
    assert find_generator_ema([HistoryAwareSampling(), ema], "a test") is ema


@pytest.mark.parametrize("name", ["0.weight", "another.weight"])
def test_a_checkpoint_of_another_generator(name: str, tmp_path: Path) -> None:
    path = tmp_path / "other.ckpt"
    run(tmp_path, GeneratorEMA(), model=tiny_wgan()).save_checkpoint(path)
    content = torch.load(path, weights_only=True)
    saved = content["callbacks"]["GeneratorEMA"]["average"]
    saved[name] = saved.pop("0.weight")[:, :2]  # of two latents, or of another architecture
    torch.save(content, path)
    resumed = quiet_trainer(tmp_path, max_epochs=2, callbacks=[GeneratorEMA()])
    message = r"average of GeneratorEMA must fit the generator, got one whose 0\.weight"
    with pytest.raises(ValueError, match=message):
        resumed.fit(tiny_wgan(), TinyImages(batch_size=24), ckpt_path=str(path))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"decay": 1.0}, "`decay` must be at least 0 and below 1, got 1.0"),
        ({"decay": -0.1}, "`decay` must be at least 0 and below 1, got -0.1"),
        ({"start_step": -1}, "`start_step` must be at least 0, got -1"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GeneratorEMA(**arguments)


def _part(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): value for k, value in state.items() if k.startswith(prefix)}
