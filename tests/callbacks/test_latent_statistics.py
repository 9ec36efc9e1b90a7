"""Statistics of latents from known distributions, and their collection from batches."""

from pathlib import Path
from typing import Any

import pytest
import torch

from callbacks import LatentStatistics
from callbacks.latent_statistics import latent_statistics
from hawc import StandardNormal
from hawc.distances import squared_distance_to
from hawc.kernels import HuberEnergy
from tests.callbacks.runs import run
from tests.helpers import TinyImages, quiet_trainer, tiny_vae

NAMES = (
    *(
        "latent_squared_distance",
        "latent_independent_squared_distance",
        "latent_squared_distance_ratio",
    ),
    *("active_units", "latent_std_mean", "latent_std_min", "latent_std_max", "num_latents"),
)


def normal(n: int, dim: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, dim, generator=generator, dtype=torch.float64)


def test_independent_samples_have_ratio_one_on_average() -> None:
    ratios = []
    for seed in range(40):
        latents = normal(100, 8, seed)
        ratios.append(
            latent_statistics(latents, latents, StandardNormal(8))["latent_squared_distance_ratio"]
        )
    ratio = torch.tensor(ratios)
    # four standard errors
    assert abs(ratio.mean() - 1) < 4 * ratio.std() / 40**0.5
    assert ratio.std() < 0.5  # otherwise the check above is weak


def test_numbers_of_a_scaled_distribution() -> None:
    scales = torch.tensor([2.0, 0.05, 0.5], dtype=torch.float64)
    sampled = scales * normal(2000, 3)
    encoded = torch.cat([sampled[:, :2], torch.full((2000, 1), 7.0)], dim=1)
    statistics = latent_statistics(sampled, encoded, StandardNormal(3))
    assert set(statistics) == set(NAMES)
    assert statistics["num_latents"] == 2000
    # Gamma(2) / Gamma(3/2) / n
    assert statistics["latent_independent_squared_distance"] == pytest.approx(
        1.128379 / 2000, rel=1e-4
    )
    # a variance of 0.0025 is below 0.01, and the last coordinate is constant
    assert statistics["active_units"] == 1
    # three standard errors of 1.6 % for 2000 samples
    assert statistics["latent_std_max"] == pytest.approx(2, rel=0.05)
    assert statistics["latent_std_min"] == pytest.approx(0.05, rel=0.05)
    assert statistics["latent_std_mean"] == pytest.approx(2.55 / 3, rel=0.05)
    assert statistics["latent_squared_distance_ratio"] > 20


def test_one_latent() -> None:
    statistics = latent_statistics(torch.zeros(1, 2), torch.zeros(1, 2), StandardNormal(2))
    # (sqrt(2) - 1) Gamma(3/2) for a point at 0
    assert statistics["latent_squared_distance"] == pytest.approx(0.367087, rel=1e-4)
    assert statistics["latent_std_max"] == 0
    assert statistics["active_units"] == 0


@pytest.mark.parametrize("max_examples", [5, 2000])
def test_logged_after_validation_and_test(max_examples: int, tmp_path: Path) -> None:
    callback, data = LatentStatistics(max_examples), TinyImages(batch_size=24, num_validation=30)
    trainer = run(tmp_path, callback, data=data, num_sanity_val_steps=2)
    model = trainer.lightning_module
    logged = {k: float(v) for k, v in trainer.callback_metrics.items()}
    assert {name.removeprefix("val/") for name in logged if name[:4] == "val/"} >= set(NAMES)
    n = min(max_examples, 30)
    assert logged["val/num_latents"] == n
    images = torch.cat([images for images, _ in data.val_dataloader()])
    images = images if n == 30 else images[[0, 1, 2, 24, 25]]  # of both batches
    model.eval()
    with torch.no_grad():
        latents = model.encode(images).double()
    expected = float(squared_distance_to(HuberEnergy(), latents, StandardNormal(2)))
    assert logged["val/latent_squared_distance"] == pytest.approx(expected, rel=1e-4)  # float32 log
    (tested,) = trainer.test(model, data, verbose=False)
    assert tested["test/num_latents"] == min(max_examples, 20)
    assert {f"test/{name}" for name in NAMES} <= tested.keys()
    (validated,) = trainer.validate(model, data, verbose=False)
    assert validated["val/latent_squared_distance"] == logged["val/latent_squared_distance"]


def test_nothing_is_logged_without_validation(tmp_path: Path) -> None:
    data = TinyImages(batch_size=24, num_validation=0)
    trainer = run(tmp_path, LatentStatistics(), data=data, num_sanity_val_steps=2)
    assert not [name for name in trainer.callback_metrics if name.startswith("val/")]


def test_noise_depends_on_the_seed_only(tmp_path: Path) -> None:
    model, values = tiny_vae(), []
    for seed in (0, 0, 1):
        torch.rand(1)  # changes the global state
        trainer = quiet_trainer(tmp_path, callbacks=[LatentStatistics(seed=seed)])
        loader = TinyImages(batch_size=5)
        (logged,) = trainer.test(model, loader, verbose=False)
        values.append(logged["test/latent_squared_distance"])
    assert values[0] == values[1]
    assert values[0] != values[2]


def test_batches_have_different_noise(tmp_path: Path) -> None:
    class Same(TinyImages):
        def read(self, train: bool) -> tuple[torch.Tensor, torch.Tensor]:
            images, labels = super().read(train)
            return images[:1].expand(20, 1, 8, 8).clone(), labels[:20]

    model: Any = tiny_vae()
    sampled: list[torch.Tensor] = []
    sample_latents = model.sample_latents
    model.sample_latents = lambda images: sampled.append(sample_latents(images)) or sampled[-1]
    quiet_trainer(tmp_path, callbacks=[LatentStatistics()]).test(
        model, Same(batch_size=10), verbose=False
    )
    assert not torch.equal(sampled[0], sampled[1])


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="`max_examples` must be at least 1, got 0"):
        LatentStatistics(max_examples=0)
    with pytest.raises(ValueError, match="`seed` must be at least 0, got -1"):
        LatentStatistics(seed=-1)
