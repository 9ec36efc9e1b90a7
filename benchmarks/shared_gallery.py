"""One gallery of many processes: lost and doubled points, killed writers.

    python -m benchmarks.shared_gallery [--processes 8] [--batches 50] [--kills 100]

Processes sample batches of 16 points for N(0, I) in the plane into one SQLite file, then into a
temporary PostgreSQL server. One process alone samples as many points for comparison. Then writers
are killed at random instants. Writes benchmarks/results/shared_gallery.md.
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import final

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import sqlalchemy
import torch
from jaxtyping import Float
from torch import Tensor

from hawc import DatabaseHistory, HistoryAwareSampler, MemoryHistory, StandardNormal
from hawc.compression import Deterministic
from hawc.distances import squared_distance_to
from hawc.history import AbstractHistory, HistoryConflictError
from hawc.kernels import HuberEnergy
from tests.postgresql_server import initdb_path, postgresql_server

ROOT = Path(__file__).parent.parent
TABLE = Path(__file__).parent / "results" / "shared_gallery.md"
TARGET, EACH = StandardNormal(2), 16


@final
class CountingHistory(AbstractHistory):
    """A history that counts the conflicts of its writer."""

    def __init__(self, inner: AbstractHistory) -> None:
        self._inner = inner
        self.conflicts = 0

    @property
    def dim(self) -> int:
        return self._inner.dim

    def __len__(self) -> int:
        return len(self._inner)

    def points(self) -> Float[Tensor, "n d"]:
        return self._inner.points()

    def append(self, points: Float[Tensor, "k d"], *, expected_length: int) -> None:
        try:
            self._inner.append(points, expected_length=expected_length)
        except HistoryConflictError:
            self.conflicts += 1
            raise

    def exclusive(self) -> AbstractContextManager[None]:
        return self._inner.exclusive()


def sample_batches(history: AbstractHistory, seed: int, batches: int) -> tuple[list[Tensor], int]:
    """Returns the sampled batches and the number of conflicts."""
    counting = CountingHistory(history)
    sampler = HistoryAwareSampler(TARGET, history=counting, solver=Deterministic())
    generator = torch.Generator().manual_seed(seed)
    samples = [sampler.sample(EACH, generator=generator) for _ in range(batches)]
    return samples, counting.conflicts


def sample_shared(url: str, seed: int, batches: int, path: str) -> None:
    """Samples in a separate process and writes the batches to a file."""
    torch.set_num_threads(1)
    torch.save(sample_batches(DatabaseHistory(url, TARGET, create=True), seed, batches), path)


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    name: str
    points: int
    lost: int
    doubled: int
    distance: float
    conflicts: int
    seconds: float


def distance(points: Tensor) -> float:
    """Returns the squared distance to the target."""
    return float(squared_distance_to(HuberEnergy(), points.double(), TARGET))


def alone(total: int) -> Row:
    """Samples all batches in this process."""
    history, start = MemoryHistory(2), time.perf_counter()
    sample_batches(history, 0, total)
    seconds = time.perf_counter() - start
    return Row("one process", len(history), 0, 0, distance(history.points()), 0, seconds)


def shared(name: str, url: str, processes: int, batches: int) -> Row:
    """Samples in processes into one gallery; compares it with the batches they report."""
    spawning, start = multiprocessing.get_context("spawn"), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        paths = [f"{folder}/{seed}.pt" for seed in range(processes)]
        workers = [
            spawning.Process(target=sample_shared, args=(url, seed, batches, path))
            for seed, path in enumerate(paths)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
            assert worker.exitcode == 0, f"{name}: a process failed"
        seconds = time.perf_counter() - start
        results = [torch.load(path, weights_only=True) for path in paths]
    samples = torch.cat([batch for batch_list, _ in results for batch in batch_list])
    points = DatabaseHistory(url, TARGET, create=True).points()
    reported, stored = (Counter(map(tuple, rows.tolist())) for rows in (samples, points))
    conflicts = sum(count for _, count in results)
    lost, doubled = (reported - stored).total(), (stored - reported).total()
    return Row(name, len(points), lost, doubled, distance(points), conflicts, seconds)


def killed(url: str, kills: int) -> dict[str, int]:
    """Returns the counts of tests/gallery_writers.py; fails at incomplete batches."""
    command = [sys.executable, "-m", "tests.gallery_writers", "kill", url, str(kills), "0"]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    counts: dict[str, int] = json.loads(done.stdout)
    return counts


def lines(processes: int, batches: int, kills: int) -> Iterator[str]:
    """Yields the page line by line during the measurement."""
    yield "# One gallery, many processes\n"
    yield f"`python -m benchmarks.shared_gallery --processes {processes} --batches {batches} " + (
        f"--kills {kills}`\n"
    )
    yield (
        f"{processes} processes, each {batches} batches of {EACH}, N(0, I) in the plane, "
        f"{os.cpu_count()} CPU cores, torch {torch.__version__}, SQLAlchemy "
        f"{sqlalchemy.__version__}. Seconds include the processes' start.\n"
    )
    yield "| where | points | lost | doubled | squared distance | over one | conflicts | s |"
    yield "|---|---|---|---|---|---|---|---|"
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        stores = {"SQLite": f"sqlite:///{folder}/gallery.db"}
        if initdb_path() is not None:
            stores["PostgreSQL"] = stack.enter_context(postgresql_server())
        single = alone(processes * batches)
        for row in (single, *(shared(n, url, processes, batches) for n, url in stores.items())):
            yield (
                f"| {row.name} | {row.points} | {row.lost} | {row.doubled} | {row.distance:.3e} "
                f"| {row.distance / single.distance:.3f} | {row.conflicts} | {row.seconds:.0f} |"
            )
        yield f"\n{kills} writers killed at random instants; the whole store checked after each:\n"
        for name, url in stores.items():
            counts = killed(url, kills)
            journals = f"; {counts['journals']} kills interrupted a transaction"
            yield (
                f"- {name}: {counts['batches']} batches, all complete, of which "
                f"{counts['unreported']} were recorded but not yet reported"
                f"{journals if name == 'SQLite' else ''}."
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--batches", type=int, default=50)
    parser.add_argument("--kills", type=int, default=100)
    arguments = parser.parse_args()
    page = []
    for line in lines(arguments.processes, arguments.batches, arguments.kills):
        print(line, flush=True)
        page.append(line)
    TABLE.write_text("\n".join(page) + "\n")


if __name__ == "__main__":
    main()
