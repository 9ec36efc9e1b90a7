"""History-aware compression against known optima, other methods and long histories.

    python -m benchmarks.sampler [--longest 1000000] [--history FILE]

Squared distances are exact and to N(0, I) in h = |x - y|. "Known" values are the best of 120
descents of another implementation. Kernel thinning needs a package that is no dependency (see
benchmarks/baselines.py); without it the page says so. Writes benchmarks/results/sampler.md. It
takes nine minutes on two cores; without a file of --history, more than an hour for its points.
"""

import argparse
import importlib.util
import os
import statistics
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from torch import Tensor

from benchmarks import baselines, long_history
from hawc import StandardNormal, compress
from hawc.compression import Deterministic, Stochastic
from hawc.distances import squared_distance_to as distance_to
from hawc.kernels import HuberEnergy

RESULTS = Path(__file__).parent / "results" / "sampler.md"
KERNEL, SEEDS = HuberEnergy(), 3
# A single descent that stops early, at distances below those of every other method.
QUICK = Deterministic(restarts=1, progress_tolerance=1e-2)
KNOWN = {
    1: 0.367087,
    2: 0.158691,
    3: 0.084521,
    10: 0.015257,
    16: 0.007739,
    17: 0.007092,
    32: 0.002827,
    48: 0.001563,
    64: 0.001024,
    128: 0.000369,
    256: 0.000133,
    512: 0.000047,
}
# (dimension, rounds, points per round): squared distance of all points
KNOWN_ROUNDS = {
    (2, 10, 1): 0.0220,
    (2, 5, 2): 0.0198,
    (2, 2, 5): 0.0178,
    (2, 50, 1): 0.00206,
    (2, 5, 10): 0.00183,
    (2, 100, 1): 0.00079,
    (2, 10, 10): 0.00069,
    (2, 32, 16): 6.57e-5,
    (16, 32, 16): 1.428e-3,
    (128, 32, 16): 5.41e-3,
}


def seeded(seed: int) -> torch.Generator:
    """Returns a generator of that seed."""
    return torch.Generator().manual_seed(seed)


def distance(points: Tensor) -> float:
    """Returns the squared distance to the standard normal distribution of that dimension."""
    return float(distance_to(KERNEL, points.double(), StandardNormal(points.shape[1])))


def in_rounds(dim: int, rounds: int, size: int, seed: int) -> Tensor:
    """Returns the points of several batches, each chosen against all earlier ones."""
    points, generator = torch.empty(0, dim), seeded(seed)
    for _ in range(rounds):
        batch = compress(StandardNormal(dim), size, history=points, generator=generator)
        points = torch.cat([points, batch.points])
    return points


def best(dim: int, size: int, history: Tensor, generator: torch.Generator) -> Tensor:
    """Returns points of the default solver, with the signature of a baseline."""
    return compress(StandardNormal(dim), size, history=history, generator=generator).points


def quick(dim: int, size: int, history: Tensor, generator: torch.Generator) -> Tensor:
    """Returns points of one descent that stops early, for the comparison of times."""
    distribution = StandardNormal(dim)
    return compress(distribution, size, history=history, solver=QUICK, generator=generator).points


def verdict(holds: bool) -> str:
    """Returns the last column of a table."""
    return "yes" if holds else "**no**"


def batches_table() -> Iterable[str]:
    """Yields one batch in the plane against the best known distances."""
    yield "## One batch in the plane, against the best known distances"
    yield "| K | known | worst of three seeds | ratio | seconds | at most | holds |"
    yield "|---|---|---|---|---|---|---|"
    for size, known in KNOWN.items():
        distances, seconds = [], []
        for seed in range(SEEDS):
            start = time.perf_counter()
            points = compress(StandardNormal(2), size, generator=seeded(seed)).points
            seconds.append(time.perf_counter() - start)
            distances.append(distance(points))
        limit = 1.002 if size <= 128 else 1.01
        ratio = max(distances) / known
        yield (
            f"| {size} | {known:.6g} | {max(distances):.6g} | {ratio:.4f} | "
            f"{statistics.median(seconds):.2f} | {limit} | {verdict(ratio <= limit)} |"
        )


def rounds_table() -> Iterable[str]:
    """Yields distances of sets chosen in rounds against the known ones."""
    yield "## Rounds with history, squared distance of all points"
    yield "| dimension, rounds x points | known | worst of three seeds | ratio | at most | holds |"
    yield "|---|---|---|---|---|---|"
    for (dim, rounds, size), known in KNOWN_ROUNDS.items():
        worst = max(distance(in_rounds(dim, rounds, size, seed)) for seed in range(SEEDS))
        limit = 1.03 if dim == 2 else 1.02
        yield (
            f"| {dim}, {rounds} x {size} | {known:.4g} | {worst:.4g} | {worst / known:.4f} | "
            f"{limit} | {verdict(worst <= limit * known)} |"
        )


def measured(choose: Callable[..., Tensor], dim: int, size: int) -> tuple[float, float]:
    """Returns mean squared distance and median seconds of one batch without history."""
    distances, seconds = [], []
    for seed in range(SEEDS):
        start = time.perf_counter()
        points = choose(dim, size, torch.empty(0, dim), seeded(seed))
        seconds.append(time.perf_counter() - start)
        distances.append(distance(points))
    return statistics.mean(distances), statistics.median(seconds)


def baselines_table() -> Iterable[str]:
    """Yields squared distances and times in comparison with other methods."""
    others = [b for b in baselines.BASELINES if b is not baselines.kernel_thinning]
    if importlib.util.find_spec("goodpoints"):
        others.append(baselines.kernel_thinning)
    names = [other.__name__.replace("_", " ") for other in others]
    yield "## Against other methods, squared distance (seconds), means of three seeds"
    if len(others) < len(baselines.BASELINES):
        yield "Kernel thinning is missing: the package goodpoints is not installed.\n"
    yield f"| d, K | HAW-C | HAW-C, one quick descent | {' | '.join(names)} | lowest | times |"
    yield "|---|---|---|" + "---|" * (len(names) + 2)
    for dim in (2, 16, 64, 128):
        for size in (16, 64, 256):
            mine, early = measured(best, dim, size), measured(quick, dim, size)
            results = {b.__name__: measured(b, dim, size) for b in others}
            claimed = mine[0] if size < 64 else max(mine[0], early[0])
            lowest = claimed < min(d for d, _ in results.values())
            times = results["support_points"][1] / early[1]
            row = " | ".join(f"{d:.4g} ({s:.2f})" for d, s in (mine, early, *results.values()))
            fast = "" if size < 64 else ", " + verdict(times >= 10)
            yield f"| {dim}, {size} | {row} | {verdict(lowest)} | {times:.0f}{fast} |"
    yield ""
    yield "times: seconds of support points over those of one quick descent; 10 are required."


def stochastic_table() -> Iterable[str]:
    """Yields a comparison of the published algorithm with the default solver on one problem."""
    yield "## The published stochastic algorithm: K = 16, d = 16, 1,000 points of history"
    yield "| solver | squared distance of all points | seconds |"
    yield "|---|---|---|"
    dim, size = 16, 16
    past = StandardNormal(dim).sample(1000, generator=seeded(11))
    adam = {rate: partial(torch.optim.Adam, lr=rate) for rate in (0.01, 0.05, 0.2)}
    solvers = {"Deterministic()": Deterministic()} | {
        f"Stochastic(1000 steps, batch 1000, Adam {rate})": Stochastic(optimizer=optimizer)
        for rate, optimizer in adam.items()
    }
    rows = {}
    for name, solver in solvers.items():
        distances, seconds = [], []
        for seed in range(SEEDS):
            start = time.perf_counter()
            batch = compress(
                StandardNormal(dim), size, history=past, solver=solver, generator=seeded(seed)
            )
            seconds.append(time.perf_counter() - start)
            distances.append(distance(torch.cat([past, batch.points])))
        rows[name] = statistics.mean(distances), statistics.median(seconds)
        yield f"| {name} | {rows[name][0]:.6g} | {rows[name][1]:.3f} |"
    (lowest, fastest), *rest = rows.values()
    times = min(seconds for _, seconds in rest) / fastest
    holds = lowest < min(d for d, _ in rest) and times >= 30
    yield f"\nLower than each and at least {times:.0f} times faster, 30 required: {verdict(holds)}."


def main() -> None:
    """Prints every table line by line and writes all of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    long_history.add_arguments(parser)
    arguments = parser.parse_args()
    torch.set_default_dtype(torch.float64)
    long = partial(long_history.table, arguments.longest, arguments.history)
    lines = [
        "# Choosing points\n",
        f"`python -m benchmarks.sampler`; torch {torch.__version__}, {os.cpu_count()} CPU cores.\n",
    ]
    for table in (batches_table, rounds_table, baselines_table, stochastic_table, long):
        for line in table():
            text = f"{line}\n" if line.startswith("#") else line
            print(text, flush=True)
            lines.append(text)
        lines.append("")
    RESULTS.write_text("\n".join(lines).rstrip() + "\n")


if __name__ == "__main__":
    main()
