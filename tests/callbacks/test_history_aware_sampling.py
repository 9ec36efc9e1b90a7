"""Sampling each epoch: remembered, resumed, by any sampler, without effect on the weights."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import LightningModule, seed_everything
from torch import Tensor, nn

from callbacks import HistoryAwareSampling
from hawc import (
    Empirical,
    FeatureSampler,
    HistoryAwareSampler,
    MemoryHistory,
    SobolSampler,
    StandardNormal,
)
from hawc.distances import squared_distance_to
from hawc.kernels import HuberEnergy
from lightning_modules import EnergyVAE
from tests.callbacks.runs import read_image
from tests.helpers import (
    TinyImages,
    TinyRows,
    quiet_trainer,
    same_weights,
    tiny_decoder,
    tiny_encoder,
    tiny_energy_vae,
    tiny_wgan,
    weights,
)


def train(
    folder: Path, callback: HistoryAwareSampling | None, epochs: int = 2, **arguments: Any
) -> LightningModule:
    seed_everything(1)
    model = tiny_energy_vae()
    callbacks = [] if callback is None else [callback]
    trainer = quiet_trainer(folder, max_epochs=epochs, callbacks=callbacks, **arguments)
    trainer.fit(model, TinyImages(batch_size=24))
    return model


def sampled(callback: HistoryAwareSampling) -> Tensor:
    return callback.state_dict()["points"]


@pytest.mark.parametrize("make", [tiny_energy_vae, tiny_wgan])
def test_weights_do_not_depend_on_it(tmp_path: Path, make: Any) -> None:
    states = []
    for callbacks in ([], [HistoryAwareSampling(num_samples=4)]):
        seed_everything(1)
        model = make()
        # dropout uses random numbers in training mode, batch norm has statistics: both reveal a
        # change of mode or of the generator's state
        network = model.decoder if hasattr(model, "decoder") else model.generator
        network.insert(1, nn.BatchNorm1d(16))
        network.insert(2, nn.Dropout(0.5))
        quiet_trainer(tmp_path, max_epochs=2, callbacks=callbacks).fit(
            model, TinyImages(batch_size=24)
        )
        states.append((weights(model), torch.rand(3)))
    assert same_weights(states[0][0], states[1][0])
    assert torch.equal(states[0][1], states[1][1])


def test_each_module_keeps_its_mode(tmp_path: Path) -> None:
    model = tiny_energy_vae()
    model.encoder.eval()
    callback = HistoryAwareSampling(num_samples=2)
    trainer = quiet_trainer(tmp_path, callbacks=[callback])
    trainer.strategy.connect(model)
    callback.setup(trainer, model, "fit")
    model.log_dict = lambda *_, **__: None  # type: ignore[method-assign, assignment]
    callback.on_train_epoch_end(trainer, model)
    assert not model.encoder.training
    assert model.decoder.training
    assert model.training


def test_later_epochs_complement_earlier_ones(tmp_path: Path) -> None:
    callback = HistoryAwareSampling(num_samples=8)
    train(tmp_path, callback, epochs=4)
    target, kernel = StandardNormal(2), HuberEnergy()
    points = sampled(callback).double()
    assert points.shape == (32, 2)
    distances = [float(squared_distance_to(kernel, points[: 8 * n], target)) for n in (1, 2, 3, 4)]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 0.2 * target.self_energy(kernel) / 32


def test_logged_distances_are_those_of_all_latents(tmp_path: Path) -> None:
    callback = HistoryAwareSampling(num_samples=8)
    seed_everything(1)
    trainer = quiet_trainer(tmp_path, max_epochs=3, callbacks=[callback])
    trainer.fit(tiny_energy_vae(), TinyImages(batch_size=24))
    target, kernel = StandardNormal(2), HuberEnergy()
    logged = trainer.callback_metrics
    assert logged["sampling/num_samples"] == 24
    expected = float(squared_distance_to(kernel, sampled(callback).double(), target))
    assert float(logged["sampling/squared_distance"]) == pytest.approx(expected, rel=1e-5)
    independent = float(logged["sampling/independent_squared_distance"])
    assert independent == pytest.approx(0.886227 / 24, rel=1e-4)  # Gamma(3/2) / 24


def test_images_show_the_decoded_latents(tmp_path: Path) -> None:
    callback = HistoryAwareSampling(num_samples=4, max_shown=6)
    model = train(tmp_path, callback, epochs=2)
    folder = tmp_path / "images"
    names = {f"epoch-{n:04d}-{kind}.png" for n in (1, 2) for kind in ("new", "independent")}
    assert {path.name for path in folder.iterdir()} == names | {"all_samples.png"}
    grid = read_image(folder / "epoch-0002-new.png").float() / 255
    assert grid.shape == (3, 2 * 9 + 1, 2 * 9 + 1)  # 2 x 2 images of 8 x 8 between lines
    model.eval()
    with torch.no_grad():
        first = model.decode(sampled(callback)[4:5])[0, 0]
    assert torch.allclose(grid[0, 1:9, 1:9], first, atol=1 / 255)
    every = read_image(folder / "all_samples.png")
    assert every.shape == (3, 2 * 9 + 1, 3 * 9 + 1)  # the latest 6 of 8 in rows of three
    newest = read_image(folder / "epoch-0002-new.png")
    assert torch.equal(every[:, -9:, -9:], newest[:, -9:, -9:])
    assert not torch.equal(read_image(folder / "epoch-0002-independent.png"), newest)


def test_the_history_is_part_of_the_checkpoint(tmp_path: Path) -> None:
    whole = HistoryAwareSampling(num_samples=4)
    train(tmp_path, whole, epochs=3)
    seed_everything(1)
    first, model = HistoryAwareSampling(num_samples=4), tiny_energy_vae()
    trainer = quiet_trainer(tmp_path, max_epochs=2, callbacks=[first])
    trainer.fit(model, TinyImages(batch_size=24))
    trainer.save_checkpoint(tmp_path / "two.ckpt")
    resumed = HistoryAwareSampling(num_samples=4)
    quiet_trainer(tmp_path, max_epochs=3, callbacks=[resumed]).fit(
        tiny_energy_vae(), TinyImages(batch_size=24), ckpt_path=str(tmp_path / "two.ckpt")
    )
    assert torch.equal(sampled(resumed), sampled(whole))


def test_fitting_again_keeps_the_history(tmp_path: Path) -> None:
    callback = HistoryAwareSampling(num_samples=4)
    train(tmp_path, callback, epochs=1)
    train(tmp_path, callback, epochs=1)
    assert len(sampled(callback)) == 8


def test_interval(tmp_path: Path) -> None:
    callback = HistoryAwareSampling(num_samples=4, every_n_epochs=2)
    train(tmp_path, callback, epochs=5)
    assert len(sampled(callback)) == 8
    assert (tmp_path / "images" / "epoch-0004-new.png").exists()


def test_a_sampler_with_arguments(tmp_path: Path) -> None:
    forgetful = HistoryAwareSampling(4, partial(HistoryAwareSampler, window=0))
    mindful = HistoryAwareSampling(4)
    distances = []
    for callback in (forgetful, mindful):
        train(tmp_path, callback, epochs=4)
        points = sampled(callback).double()
        distances.append(float(squared_distance_to(HuberEnergy(), points, StandardNormal(2))))
    assert distances[0] > 1.4 * distances[1]


def test_another_sampler_continues_its_sequence(tmp_path: Path) -> None:
    callback = HistoryAwareSampling(4, partial(SobolSampler, seed=3))
    train(tmp_path, callback, epochs=3)
    past = torch.empty(0, 2)
    sequence = SobolSampler(StandardNormal(2), seed=3).choose(12, past, torch.Generator())
    assert torch.equal(sampled(callback), sequence)


def test_a_history_given_to_the_sampler_is_not_written_to(tmp_path: Path) -> None:
    own = MemoryHistory(2)
    callback = HistoryAwareSampling(4, partial(HistoryAwareSampler, history=own))
    train(tmp_path, callback)
    assert (len(own), len(sampled(callback))) == (0, 8)


def test_a_sampler_that_does_not_suit_the_prior(tmp_path: Path) -> None:
    model = tiny_energy_vae(latent_loss="paper")
    with pytest.raises(ValueError, match=r"`target` must be StandardNormal .* got StudentT"):
        HistoryAwareSampling(4, SobolSampler).check_model(model)
    data = Empirical(torch.rand(8, 64))
    wide = partial(FeatureSampler, decode=model.decode, features=nn.Flatten(), data=data)
    with pytest.raises(
        ValueError, match=r"dimension 66 for LatentsWithFeatures.*, got dimension 2"
    ):
        HistoryAwareSampling(4, wide).check_model(model)


def test_seed_changes_the_samples(tmp_path: Path) -> None:
    callbacks = [HistoryAwareSampling(num_samples=4, seed=seed) for seed in (0, 0, 1)]
    for callback in callbacks:
        train(tmp_path, callback, epochs=1)
    first, same, other = (sampled(callback) for callback in callbacks)
    assert torch.equal(first, same)
    assert not torch.allclose(first, other)


def test_checkpoint_of_another_latent_size(tmp_path: Path) -> None:
    callback = HistoryAwareSampling(num_samples=4)
    callback.load_state_dict({"points": torch.zeros(3, 5)})
    with pytest.raises(ValueError, match="dimension 2"):
        train(tmp_path, callback)


def test_a_model_that_cannot_be_sampled(tmp_path: Path) -> None:
    callback = HistoryAwareSampling()
    module = LightningModule()
    with pytest.raises(TypeError, match="needs a model with `decode` and `prior`"):
        callback.setup(quiet_trainer(tmp_path), module, "fit")


def test_rows_of_a_table_have_no_image(tmp_path: Path) -> None:
    callback = HistoryAwareSampling(num_samples=2)
    model = EnergyVAE((64,), 2, tiny_encoder, tiny_decoder)
    quiet_trainer(tmp_path, callbacks=[callback]).fit(model, TinyRows(batch_size=24))
    assert len(sampled(callback)) == 2
    assert not (tmp_path / "images").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_samples": 0}, "`num_samples` must be at least 1, got 0"),
        ({"every_n_epochs": 0}, "`every_n_epochs` must be at least 1, got 0"),
        ({"seed": -1}, "`seed` must be at least 0, got -1"),
        ({"max_shown": 0}, "`max_shown` must be at least 1, got 0"),
    ],
)
def test_wrong_arguments(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HistoryAwareSampling(**arguments)
