"""Where the time of a training step goes.

    python -m benchmarks.step_profile [--models VAE GAN] [--sizes tiny mlp]

Looks at the stack of train.py, run as in benchmarks/training_speed.py with default logging, at each
tick of a clock that runs while its processor works, and counts what it finds. A function that calls
a kernel counts as long as the kernel runs. Writes benchmarks/results/step_profile.md.
"""

import argparse
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import final

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ["OMP_NUM_THREADS"] = "1"

import torch

from benchmarks.speed_contestants import SCHEDULES, run_ours
from benchmarks.turns import Schedule

RESULTS = Path(__file__).parent / "results" / "step_profile.md"
INTERVAL = 0.001  # seconds of the processor's time; systems may take longer ones
# part of a path, name of a function or "", what is done there; the first that is found, going from
# the innermost call outwards, counts
PARTS = (
    ("torch/autograd/__init__.py", "backward", "backward passes"),
    ("torch/autograd/__init__.py", "grad", "backward passes"),
    ("torch/optim/", "", "optimizers"),
    ("wandb/", "", "logging"),
    ("lightning/pytorch/loggers/", "", "logging"),
    ("lightning/pytorch/core/module.py", "log_dict", "logging"),
    ("datamodules/", "", "data"),
    ("benchmarks/tick_callback.py", "on_train_batch_end", "this measurement"),
    ("callbacks/", "", "callbacks of this project"),
    ("commands/", "", "callbacks of this project"),
    ("lightning/pytorch/callbacks/", "", "callbacks of Lightning"),
    ("networks/", "", "forward passes and losses"),
    ("lightning_modules/", "losses", "forward passes and losses"),
    ("lightning_modules/", "critic_losses", "forward passes and losses"),
    ("lightning_modules/", "generator_losses", "forward passes and losses"),
    ("lightning_modules/", "generate", "forward passes and losses"),
    ("lightning_modules/", "_latents", "forward passes and losses"),
    ("lightning_modules/", "", "seeds, checks and turns of the models"),
    ("lightning/", "", "Lightning's loop and hooks"),
)
OTHER = "else"


def part_of(frame: FrameType | None) -> str:
    """Returns what a stack is doing, by its innermost call that PARTS knows."""
    while frame is not None:
        path, name = frame.f_code.co_filename, frame.f_code.co_name
        for place, function, part in PARTS:
            if f"/{place}" in path and function in ("", name):
                return part
        frame = frame.f_back
    return OTHER


@final
class Sampler:
    """Counts parts in the steps of a schedule but those it skips."""

    class Done(Exception):
        """Ends the training."""

    def __init__(self, schedule: Schedule) -> None:
        self.counts: Counter[str] = Counter()
        self._schedule = schedule
        self._ticks = 0

    def tick(self) -> None:
        """To be called after each step; raises Done at the last."""
        self._ticks += 1
        if self._ticks == self._schedule.skipped:
            signal.signal(signal.SIGPROF, self._look)
            signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
        elif self._ticks == self._schedule.steps:
            signal.setitimer(signal.ITIMER_PROF, 0)
            raise self.Done

    def _look(self, _: int, frame: FrameType | None) -> None:
        self.counts[part_of(frame)] += 1


def profile(model: str, size: str) -> Counter[str]:
    """Returns how often each part was met."""
    sampler = Sampler(SCHEDULES[size])
    try:
        run_ours(model, size, (), sampler.tick)
    except Sampler.Done:
        return sampler.counts
    raise RuntimeError("the training ended before its last step.")


def rows(counts: Counter[str]) -> Iterator[str]:
    """Yields a table of parts, the longest first."""
    yield "| part | share |"
    yield "|---|---|"
    total = counts.total()
    for part, count in counts.most_common():
        yield f"| {part} | {count / total:.1%} |"


def main() -> None:
    """Prints the page and writes it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=["VAE", "GAN"])
    parser.add_argument("--sizes", nargs="+", default=["tiny", "mlp"])
    parser.add_argument("--table", type=Path, default=RESULTS)
    options = parser.parse_args()
    command = " ".join(["python -m benchmarks.step_profile", *sys.argv[1:]])
    torch.set_num_threads(1)
    lines = [f"# Where the time of a step goes\n\n`{command}`"]
    for model in options.models:
        for size in options.sizes:
            counts = profile(model, size)
            lines += [f"\n## {model}, {size}: {counts.total()} looks\n", *rows(counts)]
    options.table.write_text("\n".join(lines) + "\n")
    print(options.table.read_text())


if __name__ == "__main__":
    main()
