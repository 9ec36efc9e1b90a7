"""Time and accuracy of exact optimal transport between two point clouds.

    python -m benchmarks.optimal_transport [--size 2000]

Both clouds are normal and have the same size, in 2 and in 64 dimensions, with equal and with random
weights. Writes benchmarks/results/optimal_transport.md. Needs the package POT for more than 300
points.
"""

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch

from hawc.divergences.transport import Transport, optimal_transport

RESULTS = Path(__file__).parent / "results" / "optimal_transport.md"
DIMS = (2, 64)
REQUIRED_SECONDS = 10


def timed(size: int, dim: int, weighted: bool) -> tuple[Transport, float, float]:
    """Returns the transport of two clouds, one shifted by 1, wall and processor seconds."""
    generator = torch.Generator().manual_seed(dim)
    x, y = (torch.randn(size, dim, generator=generator, dtype=torch.float64) for _ in range(2))
    p, q = (torch.rand(size, generator=generator, dtype=torch.float64) for _ in range(2))
    weights = (p / p.sum(), q / q.sum()) if weighted else (None, None)
    y[:, 0] += 1
    wall, processor = time.perf_counter(), time.process_time()
    transport = optimal_transport(x, y, *weights)
    return transport, time.perf_counter() - wall, time.process_time() - processor


def report(size: int) -> Iterator[str]:
    """Yields the lines of the page of results."""
    yield "# Exact optimal transport\n"
    yield (
        f"`python -m benchmarks.optimal_transport`; {size:,} by {size:,} points on "
        f"{os.cpu_count()} CPU cores; required: {REQUIRED_SECONDS} s. The gap "
        "is plan cost minus dual value, the excess the largest f + g - c.\n"
    )
    yield "| dimension | weights | seconds | processor seconds | W1 | gap | excess |"
    yield "|---|---|---|---|---|---|---|"
    for dim in DIMS:
        for weighted in (False, True):
            transport, wall, processor = timed(size, dim, weighted)
            yield (
                f"| {dim} | {'random' if weighted else 'equal'} | {wall:.1f} | {processor:.1f} | "
                f"{transport.cost:.6f} | {transport.gap:.0e} | {transport.excess:.0e} |"
            )


def main() -> None:
    """Prints the table and writes it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=2000)
    lines = list(report(parser.parse_args().size))
    print("\n".join(lines))
    RESULTS.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
