"""Digits and repeats of FeatureSampler, with real images as data and without any.

    python -m benchmarks.own_distribution runs/<name>/<time> [more run folders] [--repetitions 4]

Without data (`data=None`) the target is the distribution of the generator's own images, estimated
from all candidates so far. Both choose among the same candidates: a hundred images as one batch,
and in ten rounds of ten with memory. The judging network counts digits and repeats, against real
digits and against 5,000 i.i.d. images of the generator. Writes
benchmarks/results/own_distribution/<name>.json and benchmarks/results/own_distribution.md.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import final

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from torch import Tensor

import metrics
from benchmarks.diversity import NUM_CHOSEN_BY, NUM_JUDGED_BY, ROUND, Judge
from benchmarks.measured_rows import MeasuredRow, MeasuredTable, read, write_page
from benchmarks.random_images import random_digits
from benchmarks.trained import TrainedRun
from hawc import Empirical, FeatureSampler, IndependentSampler
from hawc.kernels import HuberEnergy
from hawc.samplers import AbstractSampler
from hawc.targets import AbstractTarget
from lightning_modules.interface import LatentGenerator
from networks import DigitFeatures

RESULTS = Path(__file__).parent / "results" / "own_distribution"
NUM_IMAGES, NUM_OWN = 100, 5000
NUM_OWN_FEATURES = 1000  # of them, for the energy distance
OWN_SEED = 10_000  # different from those of the repetitions
IID_SETS = 10  # for each repetition of the other samplers
COLUMNS = ("latents", "data", "at once", "steps")
WITHOUT, WITH = "none", "4,000 real digits"
SHOWN = (
    *("different digits", "total variation", "repeats (5 %)", "repeats (25 %)"),
    *("repeats (50 %)", "Vendi", "energy distance", "precision"),
)
INTRODUCTION = """# FeatureSampler without data

`python -m benchmarks.own_distribution runs/<name>/<time>` of each model: a hundred images as one
batch, or in ten rounds of ten with memory. Without data (`data=None`) FeatureSampler follows the
distribution of the generator's own images, with data that of real digits. Both choose among the
same candidates; all settings are defaults, but for `num_steps` where stated. The table holds means
and standard errors.

The first columns are those of [diversity.md](diversity.md): of the judging network, against 1,000
test digits. "Own" compares with i.i.d. images of the generator: total variation with the digits of
5,000, energy distance with the features of 1,000 of them. The description of a model states the
total variation between these 5,000 and real digits, which no set that follows the generator avoids.
"""

Key = tuple[str, str, int, str]  # the cells of a row
Values = dict[str, float]


@final
class OwnDigits:
    """Compares images with i.i.d. images of their generator.

    Args:
        network: features and class logits of images.
        model: the generator.
    """

    @torch.no_grad()
    def __init__(self, network: DigitFeatures, model: LatentGenerator) -> None:
        generator = torch.Generator().manual_seed(OWN_SEED)
        images = model.decode(model.prior.sample(NUM_OWN, generator=generator))
        self._network = network
        self._features = network(images[:NUM_OWN_FEATURES])
        self.counts = counts(network, images)

    def values(self, images: Tensor) -> Values:
        """Returns total variation and squared energy distance."""
        distance = metrics.squared_energy_distance(
            HuberEnergy(), self._features, self._network(images)
        )
        variation = metrics.total_variation(counts(self._network, images), self.counts)
        return {"total variation, own": float(variation), "energy distance, own": float(distance)}


def counts(network: DigitFeatures, images: Tensor) -> Tensor:
    """Returns the numbers of images of each digit (10,)."""
    return network.classify(images).argmax(1).bincount(minlength=10)


def sampled(sampler: AbstractSampler, at_once: int, seed: int) -> tuple[Tensor, float]:
    """Returns a hundred latents and the seconds of their choice."""
    generator, start = torch.Generator().manual_seed(seed), time.perf_counter()
    rounds = [sampler.sample(at_once, generator=generator) for _ in range(NUM_IMAGES // at_once)]
    return torch.cat(rounds), time.perf_counter() - start


@torch.no_grad()
def measured(
    model: LatentGenerator, judge: Judge, own: OwnDigits, latents: Tensor, seconds: float
) -> Values:
    """Returns the metrics of a set of images."""
    images = model.decode(latents)
    values = judge.values(images)
    shown = {name: values[name] for name in SHOWN}
    return {**shown, **own.values(images), "seconds": seconds}


def settings(
    model: LatentGenerator, chooser: DigitFeatures, data: AbstractTarget, num_steps: int | None
) -> dict[Key, Callable[[], AbstractSampler]]:
    """Returns factories of samplers by method, data, images at once and steps."""

    def by_features(target: AbstractTarget | None) -> Callable[[], AbstractSampler]:
        return lambda: FeatureSampler(
            model.prior, decode=model.decode, features=chooser, data=target, num_steps=num_steps
        )

    steps = "default" if num_steps is None else str(num_steps)
    return {
        ("independent", "", NUM_IMAGES, ""): lambda: IndependentSampler(model.prior),
        **{
            ("FeatureSampler", name, at_once, steps): by_features(target)
            for at_once in (ROUND, NUM_IMAGES)
            for name, target in ((WITH, data), (WITHOUT, None))
        },
    }


def other_rows(name: str, description: str, keys: Iterable[Key]) -> list[MeasuredRow]:
    """Returns the rows of earlier results for the same model that are not measured again."""
    path = RESULTS / f"{name}.json"
    earlier = read(path) if path.exists() else None
    if earlier is None or earlier.description != description:
        return []
    return [row for row in earlier.rows if tuple(row.setting.values()) not in keys]


def compared(
    run: TrainedRun,
    chooser: DigitFeatures,
    data: AbstractTarget,
    num_steps: int | None,
    repetitions: int,
) -> MeasuredTable:
    """Returns the table of a model; saves it after each repetition."""
    model = run.averaged() or run.model()
    network = DigitFeatures("judging")
    test_digits = random_digits(NUM_JUDGED_BY, train=False)
    judge, own = Judge(network, test_digits), OwnDigits(network, model)
    variation = float(metrics.total_variation(own.counts, counts(network, test_digits)))
    description = (
        f"{run.epochs} epochs. Total variation between the digits of 5,000 i.i.d. images and of "
        f"the test set: {variation:.3f}."
    )
    ways = settings(model, chooser, data, num_steps)
    others = other_rows(run.name, description, ways.keys())
    rows: dict[Key, list[Values]] = {key: [] for key in ways}
    for number in range(repetitions):
        for key, make in ways.items():
            for part in range(IID_SETS if key[0] == "independent" else 1):
                # equal seeds give both choices by features the same candidates
                latents, seconds = sampled(make(), key[2], 1000 * number + part)
                rows[key].append(measured(model, judge, own, latents, seconds))
        print(f"{run.name}: {number + 1} of {repetitions}", flush=True)
        new = [MeasuredRow(dict(zip(COLUMNS, key, strict=True)), rows[key]) for key in rows]
        table = MeasuredTable(run.name, description, new + others)
        table.save(RESULTS)
    return table


def main() -> None:
    """Compares both targets on all models, then writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--repetitions", type=int, default=4, help="at least 1")
    parser.add_argument("--num_steps", type=int, help="of FeatureSampler; its default if not given")
    arguments = parser.parse_args()
    if arguments.repetitions < 1:
        parser.error(f"--repetitions must be at least 1, got {arguments.repetitions}")
    chooser = DigitFeatures("choosing")
    data = Empirical(chooser(random_digits(NUM_CHOSEN_BY, train=True)))
    for folder in arguments.folders:
        compared(TrainedRun(folder), chooser, data, arguments.num_steps, arguments.repetitions)
        write_page(RESULTS, INTRODUCTION)


if __name__ == "__main__":
    main()
