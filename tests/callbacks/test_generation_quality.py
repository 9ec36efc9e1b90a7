"""The logged values are those of the metrics, for independent latents and for a sampler's."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from callbacks import GenerationQuality, GeneratorEMA
from hawc import HistoryAwareSampler, IndependentSampler, SobolSampler, StandardNormal
from hawc.distances import squared_distance
from hawc.kernels import HuberEnergy
from hawc.samplers.seeding import generator_at
from hawc.targets import UniformCube
from metrics import PRDC, SquaredEnergyDistance
from tests.callbacks.runs import image_names, run, watch_decoding
from tests.helpers import (
    TinyImages,
    quiet_trainer,
    same_weights,
    tiny_energy_vae,
    tiny_wgan,
    weights,
)

FLAT = nn.Flatten()


def quality(**arguments: Any) -> GenerationQuality:
    metrics = {"distance": SquaredEnergyDistance(FLAT), "prdc": PRDC(FLAT, 2)}
    defaults = {"num_samples": 12, "num_real": 40, "table_size": 3}
    return GenerationQuality(metrics, **{**defaults, **arguments})


def test_values_are_those_of_the_metrics(tmp_path: Path) -> None:
    model = tiny_wgan()
    decoded = watch_decoding(model)
    callback = quality()
    trainer = run(tmp_path, callback, model=model)
    (independent, _), (chosen, _) = decoded
    target = StandardNormal(model.latent_dim)
    assert torch.equal(independent, target.sample(12, generator=generator_at(0, 0)))
    again = HistoryAwareSampler(target).sample(12, generator=generator_at(0, 0))
    assert torch.equal(chosen, again)
    real = callback._real.examples().images.flatten(1).double()
    assert len(real) == 40
    logged = trainer.callback_metrics
    for kind, z in {"independent": independent, "history_aware": chosen}.items():
        generated = model.eval().decode(z).detach().flatten(1).double()
        # the metric keeps features in float32
        assert float(logged[f"quality/{kind}/distance"]) == pytest.approx(
            float(squared_distance(HuberEnergy(), real, generated)), rel=1e-4
        )
        for part in ("precision", "recall", "density", "coverage"):
            assert f"quality/{kind}/prdc/{part}" in logged


def test_real_examples_are_the_first_of_the_training(tmp_path: Path) -> None:
    seen: list[Tensor] = []

    class Spy(nn.Flatten):
        def forward(self, images: Tensor) -> Tensor:
            seen.append(images)
            return super().forward(images)

    metrics = {"distance": SquaredEnergyDistance(Spy())}
    callback = GenerationQuality(metrics, num_samples=2, num_real=30, table_size=0)
    run(tmp_path, callback, model=tiny_wgan(), max_epochs=2)
    # real and generated, of either kind, in both epochs
    first, second = seen[:4], seen[4:]
    assert [len(images) for images in first] == [30, 2, 30, 2]
    assert torch.equal(first[0], second[0])
    assert not torch.equal(first[1], second[1])


def test_weights_do_not_depend_on_it(tmp_path: Path) -> None:
    plain, watched = tiny_wgan(), tiny_wgan()
    watched.load_state_dict(plain.state_dict())
    run(tmp_path / "plain", model=plain, max_epochs=2)
    run(tmp_path / "watched", quality(), model=watched, max_epochs=2)
    assert same_weights(weights(plain), weights(watched))


def test_the_interval_counts_epochs(tmp_path: Path) -> None:
    run(tmp_path, quality(every_n_epochs=2), model=tiny_wgan(), max_epochs=5)
    assert image_names(tmp_path) == {"epoch-0002-nearest", "epoch-0004-nearest"}


def test_latents_are_the_same_each_epoch(tmp_path: Path) -> None:
    model = tiny_wgan()
    decoded = watch_decoding(model)
    run(tmp_path, quality(), model=model, max_epochs=2)
    (a, early), (b, _), (c, late), (d, _) = decoded
    assert torch.equal(a, c)
    assert torch.equal(b, d)
    assert not same_weights(early, late)


def test_latents_change_with_the_prior(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_wgan()
    targets = [StandardNormal(model.latent_dim), UniformCube(model.latent_dim)]
    monkeypatch.setattr(type(model), "prior", property(lambda self: targets[self.current_epoch]))
    decoded = watch_decoding(model)
    run(tmp_path, quality(), model=model, max_epochs=2)
    for normal, _ in decoded[:2]:
        assert normal.min() < 0
    for uniform, _ in decoded[2:]:
        assert 0 <= uniform.min() <= uniform.max() <= 1


@pytest.mark.parametrize(
    ("sampler", "names"),
    [
        (partial(SobolSampler, seed=3), {"independent", "sobol"}),
        (IndependentSampler, {"independent"}),
    ],
)
def test_keys_name_the_sampler(sampler: Any, names: set[str], tmp_path: Path) -> None:
    model = tiny_wgan()
    decoded = watch_decoding(model)
    trainer = run(tmp_path, quality(sampler=sampler), model=model)
    logged = {key.split("/")[1] for key in trainer.callback_metrics if key.startswith("quality/")}
    assert logged == names
    expected = sampler(StandardNormal(model.latent_dim)).sample(12, generator=generator_at(0, 0))
    assert torch.equal(decoded[-1][0], expected)


def test_a_sampler_that_does_not_suit_the_prior() -> None:
    model = tiny_energy_vae(latent_loss="paper")
    with pytest.raises(ValueError, match=r"`target` must be StandardNormal .* got StudentT"):
        quality(sampler=SobolSampler).check_model(model)


def test_an_epoch_without_examples_is_skipped(tmp_path: Path) -> None:
    callback, trainer = quality(), quiet_trainer(tmp_path)
    model = tiny_wgan()
    decoded = watch_decoding(model)
    callback.on_train_epoch_end(trainer, model)
    assert not decoded


def test_use_ema_decodes_by_the_average(tmp_path: Path) -> None:
    model, average = tiny_wgan(), GeneratorEMA(0.5)
    decoded = watch_decoding(model)
    run(tmp_path, average, quality(use_ema=True), model=model)
    for _, used in decoded:
        assert same_weights(used, average.state_dict()["average"])


def test_use_ema_needs_its_callback(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"GenerationQuality.*GeneratorEMA"):
        run(tmp_path, quality(use_ema=True), model=tiny_wgan())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_samples": 0}, "`num_samples` must be at least 1"),
        ({"num_real": 0}, "`num_real` must be at least 1"),
        ({"every_n_epochs": 0}, "`every_n_epochs` must be at least 1"),
        ({"seed": -1}, "`seed` must be at least 0"),
        ({"table_size": -1}, "`table_size` must be at least 0"),
        ({"table_size": 13}, "`table_size` must be at most `num_samples`, 12, got 13"),
    ],
)
def test_wrong_numbers_are_refused(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        quality(**arguments)


def test_neither_metric_nor_table_is_refused() -> None:
    with pytest.raises(ValueError, match="`metrics` must name at least one metric where"):
        GenerationQuality({}, table_size=0)


def test_a_metric_that_keeps_real_images_is_refused() -> None:
    metrics = {"prdc": PRDC(FLAT, 2), "kept": PRDC(FLAT, 2, keep_real=True)}
    with pytest.raises(ValueError, match=r"`metrics` must forget .* got kept with keep_real=True"):
        GenerationQuality(metrics)


@pytest.mark.parametrize("size", [2, 5, 13])
def test_shares_of_processes_follow_each_other(size: int) -> None:
    model, callback = tiny_wgan(), quality()
    chosen = callback._latents_of(model)
    given: list[Any] = []
    shares = []
    for rank in range(size):
        strategy = SimpleNamespace(broadcast=lambda sent: given.append(sent) or chosen)
        trainer: Any = SimpleNamespace(
            global_rank=rank, world_size=size, is_global_zero=rank == 0, strategy=strategy
        )
        shares.append(callback._shares(trainer, model))
    assert given == [chosen] + [{}] * (size - 1)
    for kind, latents in chosen.items():
        assert torch.equal(torch.cat([share[kind] for share in shares]), latents)


@pytest.mark.parametrize(("rank", "share"), [(0, 21), (1, 20)])
def test_processes_together_use_as_many_examples_as_one(rank: int, share: int) -> None:
    callback = quality(num_real=41)
    trainer: Any = SimpleNamespace(global_rank=rank, world_size=2)
    callback.on_train_start(trainer, tiny_wgan())
    callback.on_train_batch_start(trainer, tiny_wgan(), (torch.rand(50, 1, 8, 8),), 0)
    assert len(callback._real) == share


def test_fewer_examples_than_num_real(tmp_path: Path) -> None:
    callback = quality(num_real=10_000)
    run(tmp_path, callback, model=tiny_wgan(), data=TinyImages(batch_size=24))
    assert 0 < len(callback._real) < 10_000
