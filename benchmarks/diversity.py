"""Diversity of a model's images for several samplers of their latents.

    python -m benchmarks.diversity runs/<name>/<time> [--repetitions 50] [--samplers HAW-C ...]

Takes one run of a model of digits. Latents are independent, from a Sobol sequence, from
history-aware compression (HAW-C) or from `hawc.FeatureSampler`, the last two as one batch and in
rounds of ten with memory. The networks for choosing and for judging come with the project
(docs/feature-networks.md). With `--samplers` only some samplers are measured; earlier results of
the others for the same checkpoint are kept. Writes benchmarks/results/diversity/<name>.json and,
from all of these, benchmarks/results/diversity.md and docs/images/diversity.png.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, final

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from torch import Tensor

import metrics
from benchmarks.diversity_page import RESULTS, write_page
from benchmarks.random_images import random_digits
from benchmarks.trained import TrainedRun
from hawc import Empirical, FeatureSampler, HistoryAwareSampler, IndependentSampler, SobolSampler
from hawc.kernels import HuberEnergy
from hawc.samplers import AbstractSampler
from hawc.targets import AbstractTarget
from lightning_modules.interface import LatentGenerator
from networks import DigitFeatures

NAMES = (
    "independent",
    "Sobol",
    "HAW-C",
    "HAW-C, rounds",
    "features",
    "features, rounds",
    "features, spread, rounds",
)
SIZES = (5, 10, 20, 50, 100)
ROUND = 10
# In features of the choosing network: 15 of 100 real digits are at least this far from all others.
MIN_DISTANCE = 5.5
NUM_CHOSEN_BY, NUM_JUDGED_BY = 4000, 1000
NUM_NEIGHBOURS = 3  # fewer than the smallest set has images
# of the distances from a real digit to the nearest of the others
PERCENTILES, PIXEL_PERCENTILE = (5.0, 25.0, 50.0), 25.0

Samplers = dict[str, tuple[Callable[[], AbstractSampler], bool]]
Values = dict[str, float]


@final
class Judge:
    """Computes metrics of images against real ones, by an independent network.

    Args:
        network: features and class logits of images.
        real: images in [0, 1].
    """

    def __init__(self, network: DigitFeatures, real: Tensor) -> None:
        self._network = network
        self._features = network(real)
        self._counts = network.classify(real).argmax(1).bincount(minlength=10)
        self._thresholds = {p: metrics.repeat_threshold(self._features, p) for p in PERCENTILES}
        self._pixel_threshold = metrics.repeat_threshold(real.flatten(1), PIXEL_PERCENTILE)

    def values(self, images: Tensor) -> Values:
        """Returns all metrics by name."""
        features = self._network(images)
        confidence, digits = self._network.classify(images).softmax(1).max(1)
        counts = digits.bincount(minlength=10)
        neighbours = metrics.precision_recall_density_coverage(
            self._features, features, NUM_NEIGHBOURS
        )
        values = {
            "different digits": (counts > 0).sum(),
            "confidence": confidence.mean(),
            "total variation": metrics.total_variation(counts, self._counts),
            "Vendi": metrics.vendi_score(features),
            **{
                f"repeats ({percentile:g} %)": metrics.repeat_rate(features, threshold)
                for percentile, threshold in self._thresholds.items()
            },
            "repeats in pixels": metrics.repeat_rate(images.flatten(1), self._pixel_threshold),
            "closest pair": torch.pdist(features).min(),
            "energy distance": metrics.squared_energy_distance(
                HuberEnergy(), self._features, features
            ),
            **{name: neighbours[name] for name in ("precision", "recall", "coverage")},
        }
        return {name: float(value) for name, value in values.items()}


def samplers(
    model: LatentGenerator, chooser: DigitFeatures, data: AbstractTarget, number: int
) -> Samplers:
    """Returns factories of samplers by name, and whether they sample in rounds.

    The number of the repetition is the seed of the Sobol sequence, which takes no generator.
    """
    prior = model.prior

    def latent() -> AbstractSampler:
        return HistoryAwareSampler(prior)

    def in_features() -> AbstractSampler:
        return FeatureSampler(prior, decode=model.decode, features=chooser, data=data)

    def spread() -> AbstractSampler:
        return FeatureSampler(
            prior,
            decode=model.decode,
            features=chooser,
            data=data,
            min_distance=MIN_DISTANCE,
        )

    ways = (
        (lambda: IndependentSampler(prior), False),
        (lambda: SobolSampler(prior, seed=number), False),
        (latent, False),
        (latent, True),
        (in_features, False),
        (in_features, True),
        (spread, True),
    )
    return dict(zip(NAMES, ways, strict=True))


def sampled(
    make: Callable[[], AbstractSampler], in_rounds: bool, generator: torch.Generator
) -> Iterator[tuple[int, Tensor, float]]:
    """Yields the number of latents, the latents (n, d) and seconds of their choice."""
    if not in_rounds:
        for n in SIZES:
            start = time.perf_counter()
            latents = make().sample(n, generator=generator)
            yield n, latents, time.perf_counter() - start
        return
    sampler, seconds, rounds = make(), 0.0, []
    for _ in range(max(SIZES) // ROUND):
        start = time.perf_counter()
        rounds.append(sampler.sample(ROUND, generator=generator))
        seconds += time.perf_counter() - start
        if len(rounds) * ROUND in SIZES:
            yield len(rounds) * ROUND, torch.cat(rounds), seconds


@torch.no_grad()
def repetition(
    model: LatentGenerator, ways: Samplers, judge: Judge, number: int
) -> Iterator[tuple[str, int, Values]]:
    """Yields the name of the sampler, the number of images and their metrics."""
    for name, (make, in_rounds) in ways.items():
        generator = torch.Generator().manual_seed(1000 * number + NAMES.index(name))
        for n, latents, seconds in sampled(make, in_rounds, generator):
            yield name, n, {**judge.values(model.decode(latents)), "seconds": seconds}


def summary(values: list[Values]) -> dict[str, tuple[float, float]]:
    """Returns the mean and standard error of each metric."""
    columns = {name: [value[name] for value in values] for name in values[0]}
    return {
        name: (statistics.fmean(column), statistics.stdev(column) / len(column) ** 0.5)
        for name, column in columns.items()
    }


def earlier_results(run: TrainedRun, results: Path) -> dict[str, Any]:
    """Returns the content of a file of results, or that of a new file."""
    if results.exists():
        return json.loads(results.read_text())
    return {"checkpoint_sha256": run.digest, "repetitions": {}, "samplers": {}}


def main() -> None:
    """Adds repetitions one by one; writes the results after each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repetitions", type=int, default=50, help="at least 2")
    parser.add_argument("--samplers", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--data_dir")
    arguments = parser.parse_args()
    if arguments.repetitions < 2:
        parser.error("--repetitions must be at least 2, for a standard error")
    run = TrainedRun(arguments.folder)
    results = RESULTS / f"{run.name}.json"
    others = earlier_results(run, results)
    lost = sorted(others["samplers"].keys() - {*arguments.samplers})
    if lost and others["checkpoint_sha256"] != run.digest:
        parser.error(f"{results} has {', '.join(lost)} of another checkpoint: remove it")
    model = run.averaged() or run.model()
    chooser = DigitFeatures("choosing")
    digits = random_digits(NUM_CHOSEN_BY, train=True, data_dir=arguments.data_dir)
    data = Empirical(chooser(digits))
    test_digits = random_digits(NUM_JUDGED_BY, train=False, data_dir=arguments.data_dir)
    judge = Judge(DigitFeatures("judging"), test_digits)
    collected: dict[str, dict[int, list[Values]]] = {}
    RESULTS.mkdir(exist_ok=True)
    for number in range(arguments.repetitions):
        ways = samplers(model, chooser, data, number)
        ways = {name: ways[name] for name in arguments.samplers}
        for name, n, values in repetition(model, ways, judge, number):
            collected.setdefault(name, {}).setdefault(n, []).append(values)
        print(f"{run.name}: {number + 1} of {arguments.repetitions}", flush=True)
        if number > 0:
            page = {
                name: {n: summary(values) for n, values in sizes.items()}
                for name, sizes in collected.items()
            }
            counts = dict.fromkeys(page, number + 1)
            all_samplers = {**others["samplers"], **page}
            page_of_run = {
                "checkpoint_sha256": run.digest,
                "epochs": run.epochs,
                "repetitions": {**others["repetitions"], **counts},
                "samplers": {name: all_samplers[name] for name in NAMES if name in all_samplers},
            }
            results.write_text(json.dumps(page_of_run, indent=1) + "\n")
    write_page()


if __name__ == "__main__":
    main()
