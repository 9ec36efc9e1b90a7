"""What one batch costs as the history grows, and how much of the possible it wins.

    python -m benchmarks.long_history [--longest 1000000]

K = 16 points for N(0, I) in 128 dimensions, float32, against histories of independent draws and of
points made by history-aware compression (rounds of 16 up to 1,000 points, of 64 and 256 up to
20,000, of 1,000 up to 100,000: a quarter of an hour; a million are these and nine rotated copies,
which the law does not tell apart). The gain of a batch is the objective f of an independent batch,
the mean of sixteen, minus its own; the exact one is won by descending on the exact sum until
nothing moves.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from torch import Tensor

from hawc import Deterministic, HuberEnergy, StandardNormal, compress
from hawc.compression import CompressionProblem

SIZE, DIM, SEEDS = 16, 128, 3
LENGTHS = (0, 1_000, 10_000, 100_000, 1_000_000)
SECONDS = (0.03, 0.05, 0.3, 1.0, 5.0)  # required
LAW = StandardNormal(DIM)
MADE = 100_000
ROUNDS = ((16, 1_000), (64, 4_000), (256, 20_000), (1_000, MADE))  # size of a round, until length
EXACT = Deterministic(
    restarts=1, max_iterations=200, gradient_tolerance=1e-12, progress_tolerance=0
)


def seeded(seed: int) -> torch.Generator:
    """Returns a generator of that seed."""
    return torch.Generator().manual_seed(seed)


def made_history() -> Tensor:
    """Returns 100,000 points, chosen round after round against all before."""
    points, generator, length = torch.empty(MADE, DIM), seeded(0), 0
    while length < MADE:
        size = next(size for size, end in ROUNDS if length < end)
        size = min(size, MADE - length)
        chosen = compress(LAW, size, history=points[:length], generator=generator)
        points[length : length + size] = chosen.points
        length += size
    return points


def lengthened(points: Tensor, length: int) -> Tensor:
    """Returns the first `length` points, or all and as many rotated copies as that takes."""
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
    problem = CompressionProblem(LAW, SIZE, history, HuberEnergy())
    values, _ = problem.value_and_gradient(problem.start(seeded(7), 16))
    return float(values.mean())


def measure(history: Tensor) -> dict[str, list[float]]:
    """Returns seconds, evaluations and share of the possible gain of some batches."""
    independent = independent_objective(history)
    found: dict[str, list[float]] = {"seconds": [], "evaluations": [], "share": [], "exact": []}
    for seed in range(SEEDS):
        start = time.perf_counter()
        batch = compress(LAW, SIZE, history=history, generator=seeded(seed))
        found["seconds"].append(time.perf_counter() - start)
        start = time.perf_counter()
        exact = compress(LAW, SIZE, history=history, solver=EXACT, generator=seeded(seed))
        found["exact"].append(time.perf_counter() - start)
        found["evaluations"].append(batch.evaluations)
        gain = independent - min(exact.objective, batch.objective)
        found["share"].append((independent - batch.objective) / gain)
    return found


def peak_memory(length: int) -> float:
    """Returns the largest memory in GB of a process that holds a history and draws a batch."""
    code = (
        "import resource, torch, benchmarks.long_history as b;"
        f"h = torch.randn({length}, b.DIM);"
        "b.compress(b.LAW, b.SIZE, history=h, generator=b.seeded(0));"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)"
    )
    return float(subprocess.check_output([sys.executable, "-c", code], text=True))


def table(longest: int) -> str:
    """Returns the measurements as Markdown."""
    torch.set_default_dtype(torch.float32)
    made = made_history() if longest else torch.empty(1, DIM)
    compress(LAW, SIZE, generator=seeded(0))  # the first call compiles and caches
    rows = []
    for length, limit in zip(LENGTHS, SECONDS, strict=True):
        if length > longest:
            continue
        for kind in ("independent", "HAW-C"):
            if kind == "independent":
                history = torch.randn(length, DIM, generator=seeded(3))
            else:
                history = lengthened(made, length)
            found = measure(history)
            seconds = found["seconds"]
            median, share = statistics.median(seconds), min(found["share"])
            holds = "yes" if median <= limit and share >= 0.98 else "no"
            rows.append(
                f"| {length:,} | {kind} | {1e3 * median:.0f} ({1e3 * min(seconds):.0f} to "
                f"{1e3 * max(seconds):.0f}) | {1e3 * limit:.0f} | "
                f"{statistics.median(found['evaluations']):.0f} | {100 * share:.1f} % | "
                f"{statistics.median(found['exact']):.1f} | {holds} |"
            )
            print(rows[-1], flush=True)
    return "\n".join(
        [
            "| history | of | ms a batch, median (range) | at most | evaluations | gain won | "
            "seconds of the exact one | holds |",
            "|---|---|---|---|---|---|---|---|",
            *rows,
            "",
            f"Peak memory at {longest:,} points: {peak_memory(longest):.2f} GB (2 GB allowed).",
        ]
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--longest", type=int, default=LENGTHS[-1])
    print(table(parser.parse_args().longest))
