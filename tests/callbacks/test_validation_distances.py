"""Metrics against held-out examples, on toy distributions."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning import seed_everything

from callbacks import ValidationDistances
from datamodules import Gaussians8
from lightning_modules import GAN, MeanField
from metrics import BinnedDivergences, SquaredEnergyDistance, Wasserstein1
from networks import MLPDecoder, MLPEncoder
from tests.helpers import quiet_trainer, same_weights, weights

METRICS = {
    "wasserstein_1": Wasserstein1(),
    "squared_energy_distance": SquaredEnergyDistance(),
    "divergence": BinnedDivergences(),
}


def data(**arguments: Any) -> Gaussians8:
    return Gaussians8(**{"batch_size": 50, "num_points": 600, **arguments})


def gan() -> GAN:
    return GAN((2,), 2, partial(MLPDecoder, widths=(8,)), partial(MLPEncoder, widths=(8,)))


def fitted(folder: Path, model: Any, *callbacks: Any, **arguments: Any) -> Any:
    seed_everything(0)
    trainer = quiet_trainer(folder, callbacks=list(callbacks), max_epochs=2, **arguments)
    trainer.fit(model, datamodule=data())
    return trainer


def test_values_are_those_of_the_metrics(tmp_path: Path) -> None:
    model, callback = gan(), ValidationDistances(METRICS, num_samples=40)
    logged = fitted(tmp_path, model, callback).callback_metrics
    held_out = data()
    held_out.setup("fit")
    real = torch.cat([points for points, _ in held_out.val_dataloader()])[:40]
    fake = callback._samples(quiet_trainer(tmp_path), model)
    for name, metric in METRICS.items():
        metric.update(real, real=True)
        metric.update(fake, real=False)
        result = metric.compute()
        metric.reset()
        parts = result if isinstance(result, dict) else {"": result}
        for part, expected in parts.items():
            value = float(logged[f"val/{name}/{part}".rstrip("/")])
            assert value == pytest.approx(float(expected), rel=1e-6)


def test_processes_share_the_examples() -> None:
    callback, size = ValidationDistances(METRICS, num_samples=41), 2
    sizes = []
    for rank in range(size):
        held_out = data()
        trainer: Any = SimpleNamespace(global_rank=rank, world_size=size, overfit_batches=0)
        held_out.trainer = trainer
        held_out.setup("fit")
        trainer.datamodule = held_out
        sizes.append(len(callback._held_out(trainer)))
    assert sizes == [21, 20]


def test_a_good_generator_is_nearer_than_a_bad_one(tmp_path: Path) -> None:
    # the first has the mean and variance of the data, the second is far away
    good, bad = MeanField((2,), "forward"), MeanField((2,), "forward", start=(9.0, 9.0))
    callback = partial(ValidationDistances, METRICS, num_samples=60)
    near, far = (
        fitted(tmp_path, model, callback()).callback_metrics["val/wasserstein_1"]
        for model in (good, bad)
    )
    assert float(near) < 1 < 8 < float(far)


def test_weights_do_not_depend_on_it(tmp_path: Path) -> None:
    states = []
    for callbacks in ([], [ValidationDistances(METRICS, num_samples=10)]):
        seed_everything(0)
        model = gan()
        fitted(tmp_path, model, *callbacks)
        states.append(weights(model))
    assert same_weights(*states)


def test_other_epochs_log_nothing(tmp_path: Path) -> None:
    callback = ValidationDistances(METRICS, every_n_epochs=3)
    assert "val/wasserstein_1" not in fitted(tmp_path, gan(), callback).callback_metrics


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"metrics": {}}, "`metrics` must name at least one metric, got none"),
        (
            {"metrics": {"kept": Wasserstein1(keep_real=True)}},
            "must forget real .* got kept with keep",
        ),
        ({"num_samples": 0}, "`num_samples` must be at least 1, got 0"),
        ({"every_n_epochs": 0}, "`every_n_epochs` must be at least 1, got 0"),
        ({"seed": -1}, "`seed` must be at least 0, got -1"),
    ],
)
def test_wrong_arguments(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ValidationDistances(**{"metrics": METRICS, **wrong})


def test_data_without_held_out_examples_are_refused(tmp_path: Path) -> None:
    callback = ValidationDistances(METRICS)
    with pytest.raises(
        ValueError, match="needs a data module with held-out examples, got Gaussians8"
    ):
        callback.check_surroundings([], data(num_validation=0))
    with pytest.raises(ValueError, match="held-out examples, got NoneType without any; remove"):
        callback.check_surroundings([], None)
