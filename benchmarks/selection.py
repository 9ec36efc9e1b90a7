"""Quality and time of `hawc.select`.

    python -m benchmarks.selection [--instances 200] [--groups 5] [--repeats 5]

Compares it with the best of all subsets on small random instances, and with Gurobi on the objective
of group inference. Measures its time for many candidates and for a long history. Writes
benchmarks/results/selection.md. Takes some ten minutes, nearly all in Gurobi, which the group
`rivals` of packages installs.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch

from benchmarks.group_inference import LAMBDA, Distance, Group, compared, gurobi_module
from benchmarks.selection_instances import Instance, lost_gain
from hawc import Empirical, select
from hawc.compression.problem import CompressionProblem
from hawc.kernel_sum import KernelSum

RESULTS = Path(__file__).parent / "results" / "selection.md"
DIM, LONG_HISTORY, CORES = 768, 100_000, 2
ALLOWED, SHARE_REQUIRED = 0.01, 0.95  # of the gain; of the instances
GUROBI_SECONDS, MOST_SECONDS = 5.0, 0.05
DISTANCES: tuple[Distance, ...] = ("1 - cosine", "|x - y|")


def small_instances(count: int) -> Iterator[str]:
    """Yields the comparison with the best of all subsets."""
    lost = [lost_gain(Instance.random(seed)) for seed in range(count)]
    close = sum(value <= ALLOWED for value in lost)
    exact = sum(value <= 1e-9 for value in lost)
    yield "\n## Against all subsets\n"
    yield (
        f"{count} random instances: 6 to 18 candidates, 1 to 5 chosen, 1 to 64 features, four "
        "kernels; with and without history, data, quality and `min_distance`. The gain is the mean "
        "objective of all subsets minus the least one.\n"
    )
    yield (
        f"Within {ALLOWED:.0%} of the gain: {close} of {count} ({SHARE_REQUIRED:.0%} are "
        f"required). The optimum itself: {exact} of {count}. Largest loss: {max(lost):.2%} of the "
        "gain."
    )


def clocked(action: Callable[[], object], repeats: int) -> tuple[list[float], list[float]]:
    """Returns wall and processor seconds of several calls, after one more."""
    action()
    wall, processor = [], []
    for _ in range(repeats):
        start, used = time.perf_counter(), time.process_time()
        action()
        wall.append(time.perf_counter() - start)
        processor.append(time.process_time() - used)
    return wall, processor


def spread(seconds: list[float]) -> str:
    """Returns the median and the range."""
    return f"{statistics.median(seconds):.2f} ({min(seconds):.2f} to {max(seconds):.2f})"


def times(repeats: int, scale: int = 1) -> Iterator[str]:
    """Yields the table of times; `scale` divides the numbers of rows, for tests."""
    generator = torch.Generator().manual_seed(0)
    many = torch.randn(10_000 // scale, DIM, generator=generator)
    past = torch.randn(LONG_HISTORY // scale, DIM, generator=generator)
    few = many[: 1_000 // scale]
    cases: list[tuple[int, int, int, str, float, Callable[[], object]]] = [
        (len(few), 10, 0, "0", 0.3, lambda: select(few, 10)),
        (len(few), 10, len(past), "0", 3.0, lambda: select(few, 10, history=past)),
        (len(few), 10, 0, "25%", 0.0, lambda: select(few, 10, min_distance="25%")),
        (
            *(len(few), 10, len(past), "25%", 0.0),
            lambda: select(few, 10, history=past, min_distance="25%"),
        ),
        (len(many), 100 // scale, 0, "0", 30.0, lambda: select(many, 100 // scale)),
    ]
    torch.set_num_threads(CORES)
    yield "\n## Time\n"
    yield (
        f"{DIM} features in float32, {CORES} threads on {os.cpu_count()} CPU cores, {repeats} "
        "calls each: median (range). Other processes used the same cores; on free cores the "
        f"wall time is between the processor seconds and 1/{CORES} of them.\n"
    )
    yield "| candidates | chosen | history | min_distance | s | allowed | processor s |"
    yield "|---|---|---|---|---|---|---|"
    for m, n, length, distance, limit, action in cases:
        wall, processor = clocked(action, repeats)
        allowed = f"{limit:g}" if limit else "-"
        yield (
            f"| {m:,} | {n} | {length:,} | {distance} | {spread(wall)} | {allowed} | "
            f"{spread(processor)} |"
        )


def sums(repeats: int, scale: int = 1) -> Iterator[str]:
    """Yields the time of a sum over a long history with and without its gradient."""
    generator = torch.Generator().manual_seed(0)
    past = torch.randn(LONG_HISTORY // scale, DIM, generator=generator)
    few = torch.randn(1_000 // scale, DIM, generator=generator)
    problem = CompressionProblem(Empirical(few), 10, past)
    kernel_sum = KernelSum(problem.kernel, past)
    yield (
        f"\nA sum over {len(past):,} points at {len(few):,} candidates, in processor seconds: "
        f"{spread(clocked(lambda: kernel_sum(few), repeats)[1])} with its gradient, "
        f"{spread(clocked(lambda: kernel_sum.values(few), repeats)[1])} without. `FeatureSampler` "
        "needs it without gradient for its candidates: "
        f"{spread(clocked(lambda: problem.field_values(few), repeats)[1])} with the potential."
    )


def groups(seeds: int, seconds: float = GUROBI_SECONDS) -> Iterator[str]:
    """Yields the comparison with Gurobi."""
    torch.set_num_threads(1)
    yield "\n## Against Gurobi, on group inference's objective\n"
    yield (
        f"Quality plus {LAMBDA} times the distances of all pairs, {seeds} instances each, "
        f"independent or in clusters; Gurobi {gurobi_version()} stops after {seconds:g} s. The "
        "difference is our value minus Gurobi's, over Gurobi's gain over random choices; >= 0 is "
        f"required, in at most {1e3 * MOST_SECONDS:g} ms. One thread; median (range), on cores "
        "that other processes use too. On a free core the wall time is the processor time. "
        "Gurobi's limit is wall time on the same cores.\n"
    )
    yield "| M | K | distance | candidates | least difference | largest | ms | processor ms |"
    yield "|---|---|---|---|---|---|---|---|"
    for count, size, distance, clustered in product((64, 128), (4, 8), DISTANCES, (False, True)):
        measured = [
            compared(Group.random(count, distance, clustered, seed), size, seconds)
            for seed in range(seeds)
        ]
        differences, wall, processor = zip(*measured, strict=True)
        kind = "clusters" if clustered else "independent"
        milliseconds = [spread([1e3 * s for s in column]) for column in (wall, processor)]
        yield (
            f"| {count} | {size} | {distance.replace('|', chr(92) + '|')} | {kind} | "
            f"{min(differences):.1e} | {max(differences):.1e} | {' | '.join(milliseconds)} |"
        )


def gurobi_version() -> str:
    """Returns the version as text."""
    return ".".join(str(part) for part in gurobi_module().gurobi.version())


def main() -> None:
    """Prints the page and writes it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instances", type=int, default=200)
    parser.add_argument("--groups", type=int, default=5, help="instances a row; 0 without Gurobi")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.groups:
        gurobi_module()  # its message before the measurements
    lines = ["# Selection\n\n`python -m benchmarks.selection`"]
    sections = [small_instances(arguments.instances), times(arguments.repeats)]
    sections += [sums(arguments.repeats)] + [groups(arguments.groups)] * bool(arguments.groups)
    for section in sections:
        for line in section:
            print(line, flush=True)
            lines.append(line)
    RESULTS.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
