"""Computes every metric in two processes with uneven shares; started by test_metrics.py."""

import json
import multiprocessing
import sys
from pathlib import Path

import torch.distributed as dist
from torch import Tensor

from tests.metrics.sets import every_metric, numbers, real_and_fake


def shares(rank: int, case: str) -> tuple[Tensor, Tensor]:
    """Returns the real and the generated features of one of two processes."""
    real, fake = real_and_fake()
    if case == "uneven":
        return (real[:61], fake[:20]) if rank == 0 else (real[61:], fake[20:])
    return (real, fake[:0]) if rank == 0 else (real[:0], fake)


def run(rank: int, folder: Path) -> None:
    dist.init_process_group("gloo", f"file://{folder / 'meet'}", world_size=2, rank=rank)
    values = {case: measure(*shares(rank, case)) for case in ("uneven", "one_sided")}
    (folder / f"rank-{rank}.json").write_text(json.dumps(values))
    dist.destroy_process_group()


def measure(real: Tensor, fake: Tensor) -> list[list[float]]:
    values = []
    for metric in every_metric():
        for part in real.split(17):
            metric.update(part, real=True)
        for part in fake.split(9):
            metric.update(part, real=False)
        before = len(getattr(metric, "fake_features", ()))
        values.append(numbers(metric))
        # after the gathering each process has its own share again
        assert len(getattr(metric, "fake_features", ())) == before
    return values


def main(folder: Path) -> None:
    forked = multiprocessing.get_context("fork")  # shares the slow imports
    processes = [forked.Process(target=run, args=(rank, folder)) for rank in (0, 1)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    sys.exit(any(process.exitcode for process in processes))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
