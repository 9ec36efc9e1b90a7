"""Distances and lengths of typical points in comparison with free and independent ones.

    python -m benchmarks.typical [--dims 8 16 64 ...]

Typical points for N(0, I) are those of `hawc.compression.Typical`, the solver of
`HistoryAwareSampler`, free points those of `hawc.compression.Deterministic`. Histories are empty,
i.i.d., or earlier rounds of the sampler. Writes benchmarks/results/typical.md.
"""

import argparse
import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from scipy.stats import kstest
from torch import Tensor

from hawc import HistoryAwareSampler, StandardNormal, compress
from hawc.compression import AbstractSolver, CompressionProblem, Deterministic, Typical
from hawc.distances import squared_distance_to
from hawc.kernels import HuberEnergy

RESULTS = Path(__file__).parent / "results" / "typical.md"
KERNEL, FREE, TYPICAL = HuberEnergy(), Deterministic(), Typical()
DIMS = (8, 16, 64, 128, 1024, 16_384)
SIZES = (1, 4, 16, 64)
LENGTHS = (0, 100, 1000, 100_000)
ROUNDS = ((4, 4), (16, 1), (4, 16), (16, 4))
MOST_NUMBERS = 2**28  # pairs times dimension; larger problems are left out
SEEDS, INDEPENDENT = 3, 20
KEPT, KEPT_OF_FOUR, GAP = 0.93, 0.7, 0.04


def seeded(seed: int) -> torch.Generator:
    """Returns a generator of that seed."""
    return torch.Generator().manual_seed(seed)


def distance(points: Tensor) -> float:
    """Returns the squared distance to the standard normal distribution of that dimension."""
    return float(squared_distance_to(KERNEL, points.double(), StandardNormal(points.shape[1])))


def probabilities(points: Tensor) -> Tensor:
    """Returns the probability of a shorter length than that of each point."""
    return StandardNormal(points.shape[1]).elliptical_form().probabilities_of(points)


def chosen(history: Tensor, size: int, solver: AbstractSolver, seed: int) -> tuple[Tensor, float]:
    """Returns new points and the processor seconds of their choice."""
    target = StandardNormal(history.shape[1])
    start = time.process_time()
    batch = compress(target, size, history=history, solver=solver, generator=seeded(seed))
    return batch.points, time.process_time() - start


def gain_row(dim: int, size: int, length: int) -> str:
    """Returns a line: shares of free points' gain over independent ones, lengths and times."""
    target = StandardNormal(dim)
    gains: list[tuple[float, float]] = []
    ratios, quantiles = [], []
    for seed in range(SEEDS):
        history = target.sample(length, generator=seeded(100 + seed))
        others = [target.sample(size, generator=seeded(200 + i)) for i in range(INDEPENDENT)]
        # the squared distance of all points is f (K / T)^2 plus a constant of the history
        problem = CompressionProblem(target, size, history, KERNEL)
        mean = float(problem.value_and_gradient(torch.stack(others).double())[0].mean())
        (free, free_time), (points, seconds) = (
            chosen(history, size, solver, seed) for solver in (FREE, TYPICAL)
        )
        values, _ = problem.value_and_gradient(torch.stack([free, points]).double())
        free_gain, gain = (mean - values).tolist()
        gains.append((free_gain, gain))
        ratios.append(seconds / free_time)
        quantiles.append(probabilities(points))
    kept = sum(gain for _, gain in gains) / sum(free for free, _ in gains)
    shares = sorted(gain / free for free, gain in gains)
    ends = torch.cat(quantiles)
    required = KEPT if length or size >= 16 else KEPT_OF_FOUR if size == 4 else None
    holds = "" if required is None else "yes" if kept >= required else "**no**"
    return (
        f"| {dim} | {size} | {length:,} | {100 * kept:.1f} % | "
        f"{100 * shares[0]:.0f} to {100 * shares[-1]:.0f} % | {holds} | "
        f"{100 * float(ends.min()):.1f} to {100 * float(ends.max()):.1f} % | "
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) |"
    )


def gains_table(dims: list[int]) -> Iterator[str]:
    """Yields the table of one batch."""
    yield "## One batch: the share of free points' gain over independent samples that is kept"
    yield (
        "| d | K | i.i.d. history | kept, all seeds | each seed | holds | lengths at quantiles "
        "| time, of free points' |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for dim in dims:
        for length in LENGTHS:
            for size in SIZES:
                if dim * length * size <= MOST_NUMBERS:
                    yield gain_row(dim, size, length)


def after_rounds(dim: int, rounds: int, size: int, solver: AbstractSolver, seed: int) -> Tensor:
    """Returns the points of several batches, each chosen against all earlier ones."""
    sampler = HistoryAwareSampler(StandardNormal(dim), solver=solver)
    generator = seeded(seed)
    for _ in range(rounds):
        sampler.sample(size, generator=generator)
    return sampler.history.points()


def rounds_table(dims: list[int]) -> Iterator[str]:
    """Yields the table of rounds with a common history."""
    yield "## Rounds without earlier history: squared distance of all points, gaps of lengths"
    yield "| d | rounds x points | free | typical | ratio | gap, free | gap, typical | gap holds |"
    yield "|---|---|---|---|---|---|---|---|"
    for dim in dims:
        for rounds, size in ROUNDS:
            sets = [
                [after_rounds(dim, rounds, size, solver, seed) for seed in range(SEEDS)]
                for solver in (FREE, TYPICAL)
            ]
            free, typical = (statistics.fmean(map(distance, points)) for points in sets)
            gaps = [
                max(kstest(probabilities(x).numpy(), "uniform").statistic for x in points)
                for points in sets
            ]
            yield (
                f"| {dim} | {rounds} x {size} | {free:.5g} | {typical:.5g} | {typical / free:.3f} "
                f"| {gaps[0]:.3f} | {gaps[1]:.3f} | {'yes' if gaps[1] <= GAP else '**no**'} |"
            )


def main() -> None:
    """Prints both tables and writes them, line by line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dims", type=int, nargs="+", default=DIMS)
    dims = parser.parse_args().dims
    lines = [
        "# Typical lengths\n",
        f"`python -m benchmarks.typical`; torch {torch.__version__}, {os.cpu_count()} CPU cores, "
        f"{SEEDS} seeds. Required: {100 * KEPT:.0f} % kept with a history or K >= 16, "
        f"{100 * KEPT_OF_FOUR:.0f} % of K = 4 without one, lengths from 1 to 99 %, gap {GAP}.\n",
    ]
    for table in (rounds_table, gains_table):
        for line in table(dims):
            text = f"{line}\n" if line.startswith("#") else line
            print(text, flush=True)
            lines.append(text)
            RESULTS.write_text("\n".join(lines).rstrip() + "\n")
        lines.append("")


if __name__ == "__main__":
    main()
