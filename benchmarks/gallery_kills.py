"""Galleries with conditions whose writers are killed at random instants.

    python -m benchmarks.gallery_kills [--kills 100] [--writers 8] [--copies 5] [--seed 0]

Eight processes sample, add, tag, annotate and forget images under two conditions of one gallery. A
random one is killed (SIGKILL) at a random instant, and another takes its place. Each third kill of
a SQLite gallery waits until the process holds the lock for writing. At the end the gallery is
compared with what every writer said in a file of its own. Then it is opened with two threads, and
with features that are rounded otherwise. Galleries are new ones, in SQLite and PostgreSQL, and
copies of those of the first wave. Writes benchmarks/results/gallery_kills.md.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import final

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import sqlalchemy
import torch
from torch import Tensor

from benchmarks.killed_checks import Findings, check
from benchmarks.killed_processes import PATIENCE, Writers
from benchmarks.killed_writers import DECODER, PRIOR, SCENES, Scene, generator_for
from hawc import DatabaseHistory, Empirical
from hawc.history import Gallery
from hawc.samplers import AbstractSampler
from tests.postgresql_server import initdb_path, postgresql_server

ROOT = Path(__file__).parent.parent
TABLE = Path(__file__).parent / "results" / "gallery_kills.md"
COMPARED = 200  # sets of i.i.d. images


@final
@dataclass
class Total:
    """Sums over the galleries of one kind."""

    kills: int = 0
    within: int = 0
    galleries: int = 0
    findings: Findings = field(default_factory=Findings)
    seconds: float = 0.0
    better: list[float] = field(default_factory=list)

    def add(self, new: Findings) -> None:
        for name in ("rows", "calls", "unreported", "conflicts", "candidates", "problems"):
            setattr(self.findings, name, getattr(self.findings, name) + getattr(new, name))
        self.findings.longest = max(self.findings.longest, new.longest)


def measure(
    name: str,
    url: str,
    kills: int,
    options: argparse.Namespace,
    chance: random.Random,
    total: Total,
) -> None:
    """Kill the writers of one gallery, check it and open it anew."""
    scene = SCENES[name]
    scene.prepare(url)
    before = {c: torch.empty(0, 0) for c in scene.conditions}
    if scene.file:
        before[""] = scene.opened(url, "").points()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        writers = Writers(scene, url, Path(folder))
        for _ in range(options.writers):
            writers.start()
        writers.be_killed(kills, options.pause, chance)
        total.seconds += time.monotonic() - start
        total.kills += kills
        total.within += writers.within
        total.galleries += 1
        total.add(check(scene, url, Path(folder), _filled(scene, url, before)))
    for threads, rounding in ((2, 0.0), (1, 1e-6)):
        total.better += opened_elsewhere(name, url, threads, rounding)


def _filled(scene: Scene, url: str, before: dict[str, Tensor]) -> dict[str, Tensor]:
    """Returns the earlier rows, with the right width where there were none."""
    dims = {c: scene.opened(url, c).dim for c in scene.conditions}
    return {c: rows if len(rows) else torch.empty(0, dims[c]) for c, rows in before.items()}


def warm_up() -> None:
    """Import what samplers import late, so that forked writers begin at once."""
    for scene in SCENES.values():
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            url = f"sqlite:///{folder}/gallery.db"
            scene.prepare(url)
            for condition in scene.conditions:
                history = scene.opened(url, condition, create=True)
                sampler = scene.sampler(condition, history)
                sampler.sample(2, generator=generator_for(0, 0), metadata={"a": 1})
                history.forget(0)


def opened_elsewhere(name: str, url: str, threads: int, rounding: float) -> list[float]:
    """Samples into both conditions in a process with other threads and rounding.

    Returns:
        For each condition the share of i.i.d. sets that complement the gallery less.
    """
    command = [sys.executable, "-m", "benchmarks.gallery_kills", "--go-on", name, url]
    done = subprocess.run(
        [*command, str(rounding)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{threads} threads, rounding {rounding}: {done.stderr}")
    shares: list[float] = json.loads(done.stdout.splitlines()[-1])
    return shares


def go_on(name: str, url: str, rounding: float) -> list[float]:
    """Samples 16 images into each condition and compares them with i.i.d. sets."""
    scene, shares = SCENES[name], []
    assert [*Gallery(url, scene.gallery).conditions()] != []
    for condition in scene.conditions:
        history = scene.opened(url, condition)
        sampler = scene.sampler(condition, history, rounding)
        num_past = len(history)
        for number in range(4):
            sampler.sample(4, generator=generator_for(999_999, num_past + number))
        view = history.view()[:, -3:].double()
        assert len(view) == num_past + 16
        rows = view[~view[:, -1].isnan()]
        latents = PRIOR.sample(16 * COMPARED, generator=generator_for(0, num_past))
        independent = (latents @ DECODER if scene.has_features else latents).double()
        examples = _examples(scene, sampler, history)
        shares.append(_share_worse(rows[:-16], rows[-16:], independent, examples))
    return shares


def _examples(scene: Scene, sampler: AbstractSampler, history: DatabaseHistory) -> Tensor:
    """Returns what the sampler compares with: data, candidates, or many samples of the prior."""
    if not scene.has_features:
        return PRIOR.sample(20_000, generator=generator_for(1, 0)).double()
    data = getattr(sampler.rows, "data", None)
    known = data.points if isinstance(data, Empirical) else history.candidates()
    return known.double()


def _share_worse(past: Tensor, new: Tensor, independent: Tensor, examples: Tensor) -> float:
    """Returns how many i.i.d. sets are farther from the examples, together with the past."""
    total = len(past) + len(new)

    def change(images: Tensor) -> float:
        """Returns what the images add to the energy distance, up to a constant."""
        to_data = torch.cdist(images, examples).mean(1).sum() / total
        among = torch.cdist(images, past).sum() + torch.cdist(images, images).sum() / 2
        return float(2 * to_data - 2 * among / total**2)

    others = [change(images) for images in independent.split(len(new))]
    return sum(other > change(new) for other in others) / len(others)


def measured(options: argparse.Namespace) -> Iterator[tuple[str, Total]]:
    """Yields the sums of each kind of gallery."""
    chance, kills, copies = random.Random(options.seed), options.kills, options.copies
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        plans = [("new store", f"sqlite:///{folder}/new.db", kills)]
        if options.server and initdb_path() is not None:
            plans.append(("new store", stack.enter_context(postgresql_server()), kills))
            server = stack.enter_context(postgresql_server())  # one store each
            plans.append(("first wave, features", server, kills // copies))
        for name in ("first wave, features", "first wave, points"):
            files = (f"sqlite:///{folder}/{len(name)}-{i}.db" for i in range(copies))
            plans += [(name, file, kills // copies) for file in files]
        totals: dict[str, Total] = {}
        for name, url, count in plans:
            title = f"{name}, {'SQLite' if url.startswith('sqlite') else 'PostgreSQL'}"
            total = totals.setdefault(title, Total())
            measure(name, url, count, options, chance, total)
            print(title, total, flush=True)
        yield from totals.items()


COLUMNS = (
    *("gallery", "stores", "kills", "while writing", "calls", "rows", "candidates", "conflicts"),
    *("not reported", "longest call, s", "problems", "better than i.i.d.", "s"),
)
PAGE = """# Galleries whose writers are killed

`python -m benchmarks.gallery_kills --kills {kills} --writers {writers} --copies {copies} --seed \
{seed}`

{writers} processes on two conditions of one gallery, one of them of 405 characters in the new
stores; {cores} CPU cores, torch {torch}, SQLAlchemy {sqlalchemy}. After each kill a new process
takes the place; each third kill of a SQLite gallery waits for a write. Calls: those that returned,
of sampling, adding, tagging, annotating and forgetting. Conflicts: choices repeated since another
process had recorded rows. Not reported: batches of a process that was killed between the commit and
the report; all are whole. Problems: lost, doubled or partial batches, lost or partial notes, other
numbers or metadata, repeated or more than 4,096 candidates, failed checks of the file. Better than
i.i.d.: share of 200 sets of 16 i.i.d. images that complement the gallery less than 16 images of a
sampler that opened it with two threads, or with features changed by up to 1e-6 of their size;
median over stores, conditions and both. They complement it if all together are nearer to the data,
the kept candidates or the prior.

"""


def line(title: str, total: Total) -> str:
    found = total.findings
    within = total.within if title.endswith("SQLite") else "unknown"
    cells = (
        *(title, total.galleries, total.kills, within, found.calls, found.rows),
        *(found.candidates, found.conflicts, found.unreported, f"{found.longest:.1f}"),
        *(len(found.problems), f"{median(total.better):.0%}", f"{total.seconds:.0f}"),
    )
    return " | ".join(map(str, cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--copies", type=int, default=5, help="of each first-wave gallery")
    parser.add_argument("--pause", type=float, default=1.0, help="longest, in s, before a kill")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-server", dest="server", action="store_false", help="SQLite only")
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--go-on", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.go_on:
        name, url, rounding = options.go_on
        print(json.dumps(go_on(name, url, float(rounding))))
        return
    torch.set_num_threads(1)  # a pool of threads would not survive the fork
    warm_up()
    results = [*measured(options)]
    rows = [" | ".join(COLUMNS), " | ".join(["---"] * len(COLUMNS))]
    rows += [line(title, total) for title, total in results]
    versions = {"torch": torch.__version__, "sqlalchemy": sqlalchemy.__version__}
    text = PAGE.format(**vars(options), cores=os.cpu_count(), **versions)
    options.table.write_text(text + "\n".join(f"| {row} |" for row in rows) + "\n")
    problems = [problem for _, total in results for problem in total.findings.problems]
    print(options.table.read_text(), *problems, sep="\n")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
