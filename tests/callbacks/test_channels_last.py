"""Channels-last weights, and trainings and checkpoints with and without them."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, seed_everything
from torch import Tensor, nn

from callbacks import ChannelsLast, GeneratorEMA
from lightning_modules import SNGAN
from networks import ConvDecoder, ConvEncoder
from tests.helpers import TinyImages, quiet_trainer, tiny_wgan, weights

FUSED = partial(torch.optim.Adam, lr=1e-3, fused=True)
PLAIN = partial(torch.optim.Adam, lr=1e-3)
SHAPE = (3, 8, 8)  # with one channel both formats are the same


class TinyColors(TinyImages):
    """The same images in three colours."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return SHAPE

    def read(self, train: bool) -> tuple[Tensor, Tensor]:
        images, labels = super().read(train)
        return torch.cat((images, images.flip(2), 255 - images), dim=1), labels


class Note(Callback):
    """Records after training whether each four-dimensional weight is channels-last."""

    def __init__(self) -> None:
        self.are_last: dict[str, bool] = {}

    def on_train_end(self, trainer: Any, pl_module: LightningModule) -> None:
        last = torch.channels_last
        for name, weight in pl_module.named_parameters():
            if weight.ndim == 4:
                self.are_last[name] = weight.is_contiguous(memory_format=last)


def model(optimizer: Any = PLAIN) -> SNGAN:
    """Returns a model with spectral norms and batch norms."""
    networks = (partial(network, width=4) for network in (ConvDecoder, ConvEncoder))
    return SNGAN(SHAPE, 3, *networks, optimizer, optimizer, n_critic=1)


def train(
    folder: Path, *callbacks: Callback, optimizer: Any = PLAIN, epochs: int = 2, **arguments: Any
) -> dict[str, Tensor]:
    """Trains three steps per epoch, saves a checkpoint and returns the weights."""
    seed_everything(4, verbose=False)
    trained = model(optimizer)
    trainer = quiet_trainer(folder, max_epochs=epochs, callbacks=list(callbacks))
    trainer.fit(trained, TinyColors(batch_size=24), **arguments)
    trainer.save_checkpoint(folder / "saved.ckpt")
    return weights(trained)


def check_close(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        # Adam normalizes gradients, so roundings of gradients near 0 stay visible. A tenth of a
        # step of 1e-3 is allowed; moments in a wrong format change whole steps
        torch.testing.assert_close(other[name], value, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("optimizer", [PLAIN, FUSED])
def test_weights_are_channels_last_and_train_alike(optimizer: Any, tmp_path: Path) -> None:
    note = Note()
    plain = train(tmp_path, optimizer=optimizer)
    converted = train(tmp_path, ChannelsLast(), GeneratorEMA(), note, optimizer=optimizer)
    assert len(note.are_last) == 2  # one per network
    assert all(note.are_last.values())
    check_close(plain, converted)


@pytest.mark.parametrize("optimizer", [PLAIN, FUSED])
@pytest.mark.parametrize(("first", "then"), [([], [ChannelsLast]), ([ChannelsLast], [])])
def test_runs_with_and_without_it_resume_each_other(
    optimizer: Any, first: list[Any], then: list[Any], tmp_path: Path
) -> None:
    whole = train(tmp_path, optimizer=optimizer, epochs=3)
    note = Note()
    train(tmp_path, *[kind() for kind in first], optimizer=optimizer, epochs=1)
    torch.load(tmp_path / "saved.ckpt", weights_only=True)
    resumed = train(
        tmp_path,
        *[kind() for kind in then],
        note,
        optimizer=optimizer,
        epochs=3,
        ckpt_path=tmp_path / "saved.ckpt",
    )
    assert set(note.are_last.values()) == {bool(then)}
    check_close(whole, resumed)


def test_a_resumed_run_with_it_is_exact(tmp_path: Path) -> None:
    whole = train(tmp_path, ChannelsLast(), optimizer=FUSED, epochs=3)
    train(tmp_path, ChannelsLast(), optimizer=FUSED, epochs=1)
    path = tmp_path / "saved.ckpt"
    resumed = train(tmp_path, ChannelsLast(), optimizer=FUSED, epochs=3, ckpt_path=path)
    assert all(torch.equal(resumed[name], value) for name, value in whole.items())


def test_validation_changes_no_format() -> None:
    module = model()
    ChannelsLast().setup(quiet_trainer(Path()), module, "validate")
    weight = module.critic.get_submodule("0").parametrizations.weight.original
    assert not weight.is_contiguous(memory_format=torch.channels_last)


def test_a_model_without_convolutions(tmp_path: Path) -> None:
    message = "ChannelsLast needs a model with convolutions, got WGAN without any"
    with pytest.raises(ValueError, match=message):
        quiet_trainer(tmp_path, callbacks=[ChannelsLast()]).fit(tiny_wgan(), TinyImages(24))


def test_frozen_convolutions_do_not_count() -> None:
    module = tiny_wgan()
    module.frozen = nn.Conv2d(3, 3, 3).requires_grad_(False)
    with pytest.raises(ValueError, match="needs a model with convolutions"):
        ChannelsLast().check_model(module)
