"""Numbers of different digits among n images of independent, Sobol and history-aware latents.

    python -m benchmarks.different_digits runs/<name>/<time> [more run folders]

For each run of an autoencoder on MNIST and each method, 100 sets of latents with seeds 0 to 99 are
sampled without earlier history and decoded. A convolutional classifier (networks.DigitFeatures of
the role "judging") classifies the images. The first ten and twenty images of a set are counted;
history-aware ones are chosen in rounds of ten. Writes benchmarks/results/different_digits.md.
"""

import argparse
import os
import statistics
from collections.abc import Callable, Iterable
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from torch import Tensor

from benchmarks.trained import TrainedRun
from hawc import HistoryAwareSampler, IndependentSampler, SobolSampler
from hawc.samplers import AbstractSampler
from lightning_modules.base.autoencoder import AbstractAutoencoder
from networks import DigitFeatures
from networks.trained_weights import training_record

RESULTS = Path(__file__).parent / "results" / "different_digits.md"
REPETITIONS, ROUND, COUNTED = 100, 10, (10, 20)
METHODS: dict[str, Callable[..., AbstractSampler]] = {
    "independent": lambda distribution, seed: IndependentSampler(distribution),
    "Sobol": lambda distribution, seed: SobolSampler(distribution, seed=seed),
    "history-aware": lambda distribution, seed: HistoryAwareSampler(distribution),
}


def sampled(model: AbstractAutoencoder, method: str, seed: int) -> Tensor:
    """Returns the latents of one set, sampled in rounds."""
    sampler = METHODS[method](model.prior, seed)
    generator = torch.Generator().manual_seed(seed)
    rounds = [sampler.sample(ROUND, generator=generator) for _ in range(max(COUNTED) // ROUND)]
    return torch.cat(rounds)


@torch.no_grad()
def counts(model: AbstractAutoencoder, judge: DigitFeatures, method: str) -> list[list[int]]:
    """Returns the numbers of different digits among the first n images of every set."""
    counted: list[list[int]] = [[] for _ in COUNTED]
    for seed in range(REPETITIONS):
        with torch.enable_grad():  # the solver needs gradients
            latents = sampled(model, method, seed)
        digits = judge.classify(model.decode(latents)).argmax(1)
        for list_of_counts, n in zip(counted, COUNTED, strict=True):
            list_of_counts.append(len(digits[:n].unique()))
    return counted


def rows(run: TrainedRun, judge: DigitFeatures) -> Iterable[str]:
    """Yields the table's lines for one model."""
    model = run.model()
    for method in METHODS:
        values = [
            f"{statistics.mean(c):.2f} ± {statistics.stdev(c) / len(c) ** 0.5:.2f}"
            for c in counts(model, judge, method)
        ]
        yield f"| {run.name}, latent {model.latent_dim} | {method} | {' | '.join(values)} |"


def main() -> None:
    """Prints the table line by line and writes it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    arguments = parser.parse_args()
    judge = DigitFeatures("judging")
    accuracy = training_record("digits", "judging")["test_accuracy"]
    heads = [f"among {n}" for n in COUNTED]
    lines = [
        "# Different digits\n",
        f"`python -m benchmarks.different_digits`; mean of {REPETITIONS} sets and its "
        f"standard error; the classifier is right on {100 * accuracy:.1f} % of the test digits.\n",
        f"| model | latents | {' | '.join(heads)} |",
        "|---|---|---|---|",
    ]
    print("\n".join(lines))
    for folder in arguments.folders:
        for line in rows(TrainedRun(folder), judge):
            print(line, flush=True)
            lines.append(line)
    RESULTS.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
