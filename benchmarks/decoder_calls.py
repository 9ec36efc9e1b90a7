"""Quality of FeatureSampler's images for several numbers of candidates.

    python -m benchmarks.decoder_calls runs/<name>/<time> [--repetitions 5]
    python -m benchmarks.decoder_calls style [--cache runs/pretrained]

Four images are chosen in each round among 8 to 256 candidates, with one history, without data and
without moving latents. The first form takes one run of a model of digits, the second a pretrained
generator (`uv sync --group pretrained`), whose candidates are samples of one cached pool. Writes
benchmarks/results/decoder_calls/<name>.json and benchmarks/results/decoder_calls.md.
"""

import argparse
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import final

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from torch import Tensor

import metrics
from benchmarks import pretrained_packages as packages
from benchmarks import pretrained_rounds
from benchmarks.measured_rows import MeasuredRow, MeasuredTable, write_page
from benchmarks.pretrained import NUM_REFERENCE, REFERENCE_SEED, bench
from benchmarks.pretrained_metrics import Judge
from benchmarks.shared_candidates import sampler_among
from benchmarks.trained import TrainedRun
from hawc.targets import AbstractTarget
from networks import DigitFeatures

RESULTS = Path(__file__).parent / "results" / "decoder_calls"
AT_ONCE = 4
NUM_CANDIDATES = (8, 16, 32, 64, 128, 256)
ROUNDS_OF_DIGITS, ROUNDS_OF_PRETRAINED = 20, 5
DISTANCES = (None, pretrained_rounds.SHOWN[1])
PRETRAINED = ("style", "terrain")
SHOWN = ("repeats (25 %)", "repeats (50 %)", "mean nearest", "d² to reference")
INTRODUCTION = """# Quality and decoder calls

`python -m benchmarks.decoder_calls runs/<name>/<time>` and `python -m benchmarks.decoder_calls
style`. FeatureSampler chooses four images a round among a number of candidates, with one history,
`data=None` and `num_steps=0`. Decoder calls are those of one round. No candidates: i.i.d. images.
Metrics are in features of a network that has no part in the choice. The reference is a set of 200
i.i.d. images: d² is the squared energy distance to them. An image is a repeat if an earlier one is
closer than the 25 % or 50 % quantile of the distances from a reference image to the nearest other
one. The tables hold means and standard errors.
"""

Network = Callable[[Tensor], Tensor]
Values = dict[str, float]


@final
class Counted:
    """A decoder that counts the latents it decodes."""

    def __init__(self, decode: Network) -> None:
        self._decode = decode
        self.rows = 0

    @torch.no_grad()
    def __call__(self, latents: Tensor) -> Tensor:
        self.rows += len(latents)
        return self._decode(latents)


@final
@dataclass(frozen=True)
class Owner:
    """A generator, the networks for choosing and for judging, and its i.i.d. latents.

    Args:
        name: of the table.
        description: of the table.
        prior: of the latents.
        decode: latents to images.
        choosing: images to features.
        judging: images to features, by another network.
        rounds: number of rounds.
        pool: (m, d) i.i.d. latents whose images are cached; None to sample new ones.
    """

    name: str
    description: str
    prior: AbstractTarget
    decode: Counted
    choosing: Network
    judging: Network
    rounds: int
    pool: Tensor | None = None

    def candidates(self, count: int, number: int) -> Tensor:
        """Returns latents (count, d) of a repetition."""
        generator = torch.Generator().manual_seed(number)
        if self.pool is None:
            return self.prior.sample(count, generator=generator)
        return self.pool[torch.randperm(len(self.pool), generator=generator)[:count]]


def of_digits(folder: Path) -> Owner:
    """Returns the model of a run folder."""
    run = TrainedRun(folder)
    model = run.averaged() or run.model()
    choosing, judging = DigitFeatures("choosing"), DigitFeatures("judging")
    description = f"{run.epochs} epochs; {ROUNDS_OF_DIGITS} rounds of four images."
    decode = Counted(model.decode)
    return Owner(run.name, description, model.prior, decode, choosing, judging, ROUNDS_OF_DIGITS)


def of_pretrained(name: str, cache: Path) -> Owner:
    """Returns a pretrained generator with a pool of cached candidates."""
    packages.check_packages()
    owner = bench(getattr(packages, name), cache)
    needed = max(NUM_CANDIDATES) * ROUNDS_OF_PRETRAINED
    seeds = -(-needed // pretrained_rounds.NUM_SAMPLES)
    pool = torch.cat([pretrained_rounds.candidates(owner, seed) for seed in range(seeds)])
    description = (
        f"{ROUNDS_OF_PRETRAINED} rounds of four images. The candidates of all repetitions are "
        f"samples of one pool of {len(pool):,}."
    )
    decode = Counted(owner.decode)
    networks = owner.choosing, owner.judging
    return Owner(name, description, owner.prior, decode, *networks, ROUNDS_OF_PRETRAINED, pool)


def sampled(owner: Owner, count: int, distance: str | None, number: int) -> tuple[Tensor, float]:
    """Returns images of all rounds and decoder calls of a round; i.i.d. images for count 0."""
    latents = owner.candidates(owner.rounds * (count or AT_ONCE), number)
    if count == 0:
        return owner.decode(latents), AT_ONCE
    sampler = sampler_among(owner, latents, count, distance)
    calls, generator = owner.decode.rows, torch.Generator().manual_seed(number)
    rounds = [sampler.sample_images(AT_ONCE, generator=generator) for _ in range(owner.rounds)]
    calls = owner.decode.rows - calls
    return torch.cat([r.images for r in rounds]), calls / owner.rounds


@torch.no_grad()
def compared(owner: Owner, repetitions: int) -> MeasuredTable:
    """Returns the table of a generator, and saves it."""
    generator = torch.Generator().manual_seed(REFERENCE_SEED)
    reference = owner.decode(owner.prior.sample(NUM_REFERENCE, generator=generator))
    judge = Judge(owner.judging(reference))
    rows = []
    settings = [(0, None), *((m, distance) for distance in DISTANCES for m in NUM_CANDIDATES)]
    for count, distance in settings:
        measured: list[Values] = []
        for number in range(repetitions):
            images, calls = sampled(owner, count, distance, number)
            features = owner.judging(images)
            values = judge.values(features)
            vendi = float(metrics.vendi_score(features))
            shown = {name: values[name] for name in SHOWN}
            measured.append({"decoder calls": calls, "Vendi": vendi, **shown})
        label = (distance or "default") if count else ""
        rows.append(MeasuredRow({"candidates": count, "min_distance": label}, measured))
        print(f"{owner.name}: {count} candidates, {label}", flush=True)
    table = MeasuredTable(owner.name, owner.description, rows)
    table.save(RESULTS)
    return table


def main() -> None:
    """Measures one generator, then writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("generator", help=f"a run folder, or {' or '.join(PRETRAINED)}")
    parser.add_argument("--repetitions", type=int, default=5, help="at least 1")
    parser.add_argument("--cache", type=Path, default=Path("runs/pretrained"))
    arguments = parser.parse_args()
    if arguments.repetitions < 1:
        parser.error(f"--repetitions must be at least 1, got {arguments.repetitions}")
    warnings.filterwarnings("ignore", message=".*`min_distance`")
    if arguments.generator in PRETRAINED:
        owner = of_pretrained(arguments.generator, arguments.cache)
    else:
        owner = of_digits(Path(arguments.generator))
    compared(owner, arguments.repetitions)
    write_page(RESULTS, INTRODUCTION)


if __name__ == "__main__":
    main()
