"""Mean-field approximation: divergences by hand, training, refused arguments."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from datamodules import GaussianEllipse, SwissRoll
from hawc.divergences import normals
from hawc.targets import Normal
from lightning_modules import MeanField, TrainingError
from lightning_modules.interface import LatentGenerator, provides
from tests.helpers import quiet_trainer

TARGET = Normal(torch.tensor([1.0, 1.0]), torch.tensor([[1.0, 0.9], [0.9, 1.0]]))


def product(model: MeanField) -> Normal:
    return Normal(model.mean.detach(), (2 * model.log_std.detach()).exp().diag())


@pytest.mark.parametrize("direction", ["reverse", "forward"])
def test_losses_estimate_both_divergences(direction: Any) -> None:
    model = MeanField((2,), direction, start=(0.5, 0.0), start_std=0.7, num_samples=200_000)
    points = TARGET.sample(200_000, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    losses = {
        name: float(value) for name, value in model.divergences(points, TARGET.log_density).items()
    }
    reverse, forward = normals.kl(product(model), TARGET), normals.kl(TARGET, product(model))
    # log ratios have standard deviations of some 4: four standard errors
    tolerance = 4 * 4 / math.sqrt(200_000)
    assert losses["reverse_kl"] == pytest.approx(reverse, abs=tolerance)
    assert losses["forward_kl"] == pytest.approx(forward, abs=tolerance)
    assert losses["loss"] == losses[f"{direction}_kl"]


def test_pairs_of_samples_leave_no_error_in_the_gradient_of_the_mean() -> None:
    model = MeanField((2,), start=(0.5, 0.0), num_samples=2)
    points = torch.zeros(1, 2)
    model.divergences(points, TARGET.log_density)["loss"].backward()
    exact = TARGET.covariance.inverse() @ (torch.tensor([0.5, 0.0]).double() - TARGET.mean)
    torch.testing.assert_close(model.mean.grad, exact.float(), rtol=1e-4, atol=1e-4)


def test_it_generates_the_product() -> None:
    model = MeanField((2,), start=(1.0, -1.0), start_std=0.5)
    assert provides(model, LatentGenerator)
    assert model.prior.dim == 2
    expected = torch.tensor([[1.5, -1.0]])
    torch.testing.assert_close(model.decode(torch.tensor([[1.0, 0.0]])), expected)
    points = torch.randn(5, 2)
    torch.testing.assert_close(model.log_q(points), product(model).log_density(points))


def test_start_may_be_a_tensor_and_stays_as_it_is() -> None:
    start = torch.zeros(2)
    model = MeanField((2,), start=start)
    with torch.no_grad():
        model.mean += 1
    assert start.tolist() == [0.0, 0.0]


def train(folder: Path, epochs: int, checkpoint: Path | None = None) -> tuple[MeanField, Any]:
    model = MeanField((2,), num_samples=16)
    trainer = quiet_trainer(folder, max_epochs=epochs)
    data = GaussianEllipse(batch_size=20, num_points=100)
    trainer.fit(model, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    return model, trainer


def test_a_resumed_run_equals_the_uninterrupted_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "0")
    whole, trainer = train(tmp_path, 2)
    for name in ("train/mean_0", "train/std_1", "val/loss", "val/reverse_kl", "val/forward_kl"):
        assert name in trainer.callback_metrics
    _, half = train(tmp_path, 1)
    half.save_checkpoint(tmp_path / "half.ckpt")
    resumed, _ = train(tmp_path, 2, tmp_path / "half.ckpt")
    assert torch.equal(whole.mean, resumed.mean)
    assert torch.equal(whole.log_std, resumed.log_std)
    assert not torch.equal(whole.mean, torch.zeros(2))


def test_a_test_logs_its_divergences(tmp_path: Path) -> None:
    trainer = quiet_trainer(tmp_path)
    trainer.test(MeanField((2,)), datamodule=GaussianEllipse(num_points=500), verbose=False)
    assert {"test/loss", "test/reverse_kl", "test/forward_kl"} <= set(trainer.callback_metrics)


def test_needs_data_that_know_their_density(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="data with a known density, got SwissRoll, which"):
        quiet_trainer(tmp_path).fit(MeanField((2,)), datamodule=SwissRoll(num_points=1000))


def test_a_lost_loss_ends_the_run(tmp_path: Path) -> None:
    class Nowhere(GaussianEllipse):
        def log_density(self, points: Tensor) -> Tensor:
            return points[:, 0] / 0

    with pytest.raises(TrainingError, match="loss"):
        quiet_trainer(tmp_path).fit(MeanField((2,)), datamodule=Nowhere(num_points=1000))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"image_shape": (1, 8, 8)}, r"`image_shape` must be \(d,\) and `start` have d numbers"),
        ({"start": (0.0,)}, r"have d numbers, got \(2,\) and \(0.0,\)"),
        ({"start": (math.nan, 0.0)}, r"`start` must be finite numbers, got \(nan, 0.0\); try 0"),
        ({"start": (0.0, math.inf)}, "`start` must be finite numbers"),
        ({"direction": "both"}, '`direction` must be "reverse" or "forward", got \'both\''),
        ({"start_std": 0.0}, "`start_std` must be > 0 and finite, got 0.0; try 1"),
        ({"num_samples": 0}, "`num_samples` must be at least 1, got 0"),
        ({"num_samples": 3}, "`num_samples` must be even, since samples come in pairs, got 3"),
    ],
)
def test_refuses(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MeanField(**{"image_shape": (2,), **wrong})
