"""Time and gain of one batch for histories of different lengths.

    python -m benchmarks.long_history [--longest 1000000] [--history FILE]

K = 16 points for N(0, I) in 128 dimensions, float32, are chosen against histories of i.i.d. samples
and of points of history-aware compression. The latter are chosen in rounds: of 16 up to 1,000
points, of 64 and 256 up to 20,000, of 1,000 up to 100,000. This takes more than an hour. A million
points are these and nine rotated copies; N(0, I) is invariant under rotations. The gain of
a batch is the mean objective f of sixteen independent batches minus its own. The exact gain is that
of a converged descent on the exact sum.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from torch import Tensor

from hawc import StandardNormal, compress
from hawc.compression import CompressionProblem, Deterministic
from hawc.kernels import HuberEnergy

SIZE, DIM, SEEDS = 16, 128, 3
LENGTHS = (0, 1_000, 10_000, 100_000, 1_000_000)
SECONDS = (0.03, 0.05, 0.3, 1.0, 5.0)  # required
TARGET = StandardNormal(DIM)
NUM_CHOSEN = 100_000
ROUNDS = (
    (16, 1_000),
    (64, 4_000),
    (256, 20_000),
    (1_000, NUM_CHOSEN),
)  # size of a round, until length
EXACT_LIMIT = 200
EXACT = Deterministic(
    restarts=1, max_iterations=EXACT_LIMIT, gradient_tolerance=1e-12, progress_tolerance=0
)


def seeded(seed: int) -> torch.Generator:
    """Returns a generator of that seed."""
    return torch.Generator().manual_seed(seed)


def chosen_history(file: Path | None) -> Tensor:
    """Returns 100,000 points of a file, or chosen in rounds against earlier ones."""
    if file is not None and file.is_file():
        return torch.load(file)
    points, generator, length = torch.empty(NUM_CHOSEN, DIM), seeded(0), 0
    while length < NUM_CHOSEN:
        size = min(next(size for size, end in ROUNDS if length < end), NUM_CHOSEN - length)
        chosen = compress(TARGET, size, history=points[:length], generator=generator)
        points[length : length + size] = chosen.points
        length += size
    if file is not None:
        torch.save(points, file)
    return points


def lengthened(points: Tensor, length: int) -> Tensor:
    """Returns `length` points: the first ones, then rotated copies of all."""
    if length <= len(points):
        return points[:length]
    longer, generator = torch.empty(length, DIM), seeded(1)
    for first in range(0, length, len(points)):
        rotation, _ = torch.linalg.qr(torch.randn(DIM, DIM, generator=generator))
        part = longer[first : first + len(points)]
        part.copy_((points @ rotation if first else points)[: len(part)])
    return longer


def independent_objective(history: Tensor) -> float:
    """Returns the mean objective of sixteen independent batches."""
    problem = CompressionProblem(TARGET, SIZE, history, HuberEnergy())
    values, _ = problem.value_and_gradient(problem.start(seeded(7), 16))
    return float(values.mean())


def measure(history: Tensor) -> dict[str, list[float]]:
    """Returns seconds, evaluations and share of the exact gain of several batches."""
    independent = independent_objective(history)
    measured: dict[str, list[float]] = {"seconds": [], "evaluations": [], "share": []}
    for seed in range(SEEDS):
        start = time.perf_counter()
        batch = compress(TARGET, SIZE, history=history, generator=seeded(seed))
        measured["seconds"].append(time.perf_counter() - start)
        exact = compress(TARGET, SIZE, history=history, solver=EXACT, generator=seeded(seed))
        measured["evaluations"].append(batch.evaluations)
        gain = independent - min(exact.objective, batch.objective)
        measured["share"].append((independent - batch.objective) / gain)
    return measured


def peak_memory(length: int) -> float:
    """Returns the peak memory in GB of a process that chooses one batch."""
    code = (
        "import resource, torch, benchmarks.long_history as b;"
        f"h = torch.randn({length}, b.DIM);"
        "b.compress(b.TARGET, b.SIZE, history=h, generator=b.seeded(0));"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)"
    )
    return float(subprocess.check_output([sys.executable, "-c", code], text=True))


def table(longest: int, file: Path | None) -> Iterable[str]:
    """Yields the measurements as Markdown."""
    torch.set_default_dtype(torch.float32)
    chosen = chosen_history(file)
    compress(TARGET, SIZE, generator=seeded(0))  # the first call fills caches
    yield f"## The cost of a long history, K = {SIZE}, d = {DIM}, float32"
    yield "| history | of | ms a batch, median (range) | at most | evaluations | gain won | holds |"
    yield "|---|---|---|---|---|---|---|"
    for length, limit in zip(LENGTHS, SECONDS, strict=True):
        if length <= longest:
            independent = torch.randn(length, DIM, generator=seeded(3))
            yield row("independent", measure(independent), length, limit)
            del independent  # half a gigabyte
            yield row("HAW-C", measure(lengthened(chosen, length)), length, limit)
    yield (
        "\nGain won: the smallest share of the exact gain over the batches, that of a converged "
        f"descent on the exact sum ({EXACT_LIMIT} steps at most); 98 % are required."
    )
    yield f"Peak memory of a process that holds {longest:,} points and chooses a batch: "
    yield f"{peak_memory(longest):.2f} GB; 2 GB are allowed."


def row(kind: str, measured: dict[str, list[float]], length: int, limit: float) -> str:
    """Returns a line of the table."""
    milliseconds = [1e3 * seconds for seconds in measured["seconds"]]
    median, share = statistics.median(milliseconds), min(measured["share"])
    holds = median <= 1e3 * limit and share >= 0.98
    return (
        f"| {length:,} | {kind} | {median:.0f} ({min(milliseconds):.0f} to "
        f"{max(milliseconds):.0f}) | {1e3 * limit:.0f} | "
        f"{statistics.median(measured['evaluations']):.0f} | {100 * share:.1f} % | "
        f"{'yes' if holds else '**no**'} |"
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this measurement."""
    parser.add_argument("--longest", type=int, default=LENGTHS[-1], help="history, in points")
    parser.add_argument("--history", type=Path, help="file that keeps the points of HAW-C")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser)
    arguments = parser.parse_args()
    for line in table(arguments.longest, arguments.history):
        print(line, flush=True)
