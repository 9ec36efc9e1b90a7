"""New images beside 500 existing ones, which are known by their features alone.

    python -m benchmarks.existing_images runs/<name>/<time> [--repetitions 4]

The existing images are i.i.d. images of the model of digits, or real digits. `history.add` records
their features. `hawc.FeatureSampler` then chooses forty images in ten rounds of four, without data.
An image is close to an existing one if their distance is below the 25 % quantile of the distances
between an existing image and its nearest neighbor, in features of the judging network. Writes
benchmarks/results/existing_images/<name>.json and benchmarks/results/existing_images.md.
"""

import argparse
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import final

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from scipy.stats import kstest
from torch import Tensor

import metrics
from benchmarks.measured_rows import MeasuredRow, MeasuredTable, write_page
from benchmarks.random_images import random_digits
from benchmarks.trained import TrainedRun
from hawc import FeatureSampler, MemoryHistory
from hawc.kernels import HuberEnergy
from lightning_modules.interface import LatentGenerator
from networks import DigitFeatures

RESULTS = Path(__file__).parent / "results" / "existing_images"
NUM_EXISTING, ROUNDS, AT_ONCE = 500, 10, 4
NUM_OWN = 1000  # i.i.d. images, for the squared distance
PERCENTILE = 25.0
EXISTING_SEED = 10_000  # different from those of the repetitions
OWN, REAL = "500 i.i.d. images", "500 real digits"
IID_SETS = 40


@final
@dataclass(frozen=True)
class Setting:
    """Arguments of FeatureSampler; None is the default."""

    min_distance: str | None
    num_candidates: int
    num_steps: int | None

    @property
    def labels(self) -> tuple[str, int, str]:
        """The cells of a table."""
        steps = "default" if self.num_steps is None else str(self.num_steps)
        return self.min_distance or "default", self.num_candidates, steps


SETTINGS = (
    *(
        Setting(distance, 1000, 0)
        for distance in (None, "25%", "25% of 500", "50% of 500", "75% of 500")
    ),
    *(Setting(distance, 64, 0) for distance in ("25%", "50% of 500")),
    Setting("25%", 1000, None),
)
WITHOUT_EXISTING = (Setting("25%", 1000, 0), Setting("25%", 1000, None))
INTRODUCTION = """# Images beside existing ones

`python -m benchmarks.existing_images runs/<name>/<time>`. The history holds 500 existing images by
their features alone (`history.add`). FeatureSampler chooses forty new images in ten rounds of four,
without data. The tables hold means and standard errors.

- Close: the share of new images closer to an existing image than the 25 % quantile of the distances
  from an existing image to its nearest neighbor, in the features of the judging network. "Close,
  choosing": the same in the features by which the sampler chooses.
- Repeats: the same share for earlier new images, with the same distance.
- Length: the prior's probability of a shorter latent, as the mean over the forty latents, of the
  shortest and of the longest one. The mean of forty i.i.d. ones is 0.5 ± 0.046. KS: the
  Kolmogorov-Smirnov distance of the lengths from the prior, 0.136 on average for forty i.i.d. ones.
- d² to own: squared energy distance to the features of 1,000 i.i.d. images.
"""

Values = dict[str, float]


@final
class Existing:
    """Existing images, and the thresholds below which another one is close to one of them.

    Args:
        images: (m, c, h, w).
        networks: images to features, for choosing and for judging.
    """

    def __init__(self, images: Tensor, networks: dict[str, DigitFeatures]) -> None:
        self.features = {role: network(images) for role, network in networks.items()}
        self._thresholds = {
            role: metrics.repeat_threshold(features, PERCENTILE)
            for role, features in self.features.items()
        }

    def close(self, features: Tensor, role: str) -> float:
        """Returns the share of images that are close to an existing one."""
        nearest, _ = metrics.nearest(features, self.features[role])
        return float((nearest < self._thresholds[role]).double().mean())

    def repeats(self, features: Tensor) -> float:
        """Returns the share of images that are close to an earlier new one."""
        return float(metrics.repeat_rate(features, self._thresholds["judging"]))


def sampled(
    model: LatentGenerator, chooser: DigitFeatures, known: Tensor, setting: Setting, seed: int
) -> Tensor:
    """Returns the latents (n, d) of all rounds.

    Args:
        model: the generator.
        chooser: images to features.
        known: features (k, f) of existing images, k >= 0.
        setting: of the sampler.
        seed: of its candidates.
    """
    history = MemoryHistory(model.prior.dim + known.shape[1], num_features=known.shape[1])
    if len(known) > 0:
        history.add(known)
    sampler = FeatureSampler(
        model.prior,
        decode=model.decode,
        features=chooser,
        history=history,
        num_candidates=setting.num_candidates,
        num_steps=setting.num_steps,
        min_distance=setting.min_distance,
    )
    generator = torch.Generator().manual_seed(seed)
    return torch.cat([sampler.sample(AT_ONCE, generator=generator) for _ in range(ROUNDS)])


@torch.no_grad()
def measured(
    model: LatentGenerator,
    networks: dict[str, DigitFeatures],
    existing: Existing,
    own: Tensor,
    latents: Tensor,
) -> Values:
    """Returns the metrics of new images.

    Args:
        model: the generator.
        networks: images to features, for choosing and for judging.
        existing: the images to keep away from.
        own: features of i.i.d. images of the model.
        latents: (n, d) of the new images.
    """
    images = model.decode(latents)
    features = {role: network(images) for role, network in networks.items()}
    form = model.prior.elliptical_form()
    assert form is not None  # the prior of the models of digits is a normal distribution
    probabilities = form.probabilities_of(latents)
    return {
        "close": existing.close(features["judging"], "judging"),
        "close, choosing": existing.close(features["choosing"], "choosing"),
        "repeats": existing.repeats(features["judging"]),
        "length": float(probabilities.mean()),
        "shortest": float(probabilities.min()),
        "longest": float(probabilities.max()),
        "KS": float(kstest(probabilities.double().numpy(), "uniform").statistic),
        "d² to own": float(
            metrics.squared_energy_distance(HuberEnergy(), own, features["judging"])
        ),
    }


def iid_latents(model: LatentGenerator, n: int, seed: int) -> Tensor:
    """Returns i.i.d. latents (n, d)."""
    return model.prior.sample(n, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def existing_sets(
    model: LatentGenerator, networks: dict[str, DigitFeatures]
) -> tuple[dict[str, Existing], Tensor]:
    """Returns both sets of existing images, and features of other i.i.d. images."""
    images = model.decode(iid_latents(model, NUM_EXISTING + NUM_OWN, EXISTING_SEED))
    sets = {OWN: images[:NUM_EXISTING], REAL: random_digits(NUM_EXISTING, train=True)}
    existing = {name: Existing(images, networks) for name, images in sets.items()}
    return existing, networks["judging"](images[NUM_EXISTING:])


def compared(run: TrainedRun, repetitions: int) -> MeasuredTable:
    """Returns the table of a model; saves it after each row."""
    model = run.averaged() or run.model()
    networks = {role: DigitFeatures(role) for role in ("choosing", "judging")}
    existing, own = existing_sets(model, networks)
    table = MeasuredTable(run.name, f"{run.epochs} epochs.", [])
    for name, images in existing.items():
        known = images.features["choosing"]
        sets = {
            ("i.i.d.", "", "", ""): [
                iid_latents(model, ROUNDS * AT_ONCE, seed) for seed in range(IID_SETS)
            ]
        }
        for setting in SETTINGS:
            for label, rows in (("FeatureSampler", known), ("without the existing", known[:0])):
                if label == "FeatureSampler" or setting in WITHOUT_EXISTING:
                    sets[label, *setting.labels] = [
                        sampled(model, networks["choosing"], rows, setting, seed)
                        for seed in range(repetitions)
                    ]
        columns = ("images", "min_distance", "candidates", "steps")
        for labels, latents in sets.items():
            values = [measured(model, networks, images, own, z) for z in latents]
            described = {"existing": name, **dict(zip(columns, labels, strict=True))}
            table.rows.append(MeasuredRow(described, values))
        table.save(RESULTS)
        print(f"{run.name}: {name}", flush=True)
    return table


def main() -> None:
    """Measures all models, then writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--repetitions", type=int, default=4, help="at least 1")
    arguments = parser.parse_args()
    if arguments.repetitions < 1:
        parser.error(f"--repetitions must be at least 1, got {arguments.repetitions}")
    warnings.filterwarnings("ignore", message=".*`min_distance`")
    for folder in arguments.folders:
        compared(TrainedRun(folder), arguments.repetitions)
        write_page(RESULTS, INTRODUCTION)


if __name__ == "__main__":
    main()
