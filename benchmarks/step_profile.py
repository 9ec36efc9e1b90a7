"""Shares of the parts of a training step in its time.

    python -m benchmarks.step_profile [--models VAE GAN] [--sizes tiny mlp]

Samples the stack of train.py, run as in benchmarks/training_speed.py with default logging, at each
tick of a clock of processor time. The processor time since the last sample is added to the part
that the stack shows, since Python handles a signal only after a kernel has ended. Writes
benchmarks/results/step_profile.md.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import final

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ["OMP_NUM_THREADS"] = "1"

import torch

from benchmarks.phases import Schedule
from benchmarks.speed_contestants import SCHEDULES, run_ours

RESULTS = Path(__file__).parent / "results" / "step_profile.md"
INTERVAL = 0.001  # seconds of processor time; a system may have a coarser clock
# part of a path, name of a function or "", name of the part; the innermost call that matches counts
PARTS = (
    ("torch/autograd/__init__.py", "backward", "backward passes"),
    ("torch/autograd/__init__.py", "grad", "backward passes"),
    ("torch/optim/", "", "optimizers"),
    ("wandb/", "", "logging"),
    ("lightning/pytorch/loggers/", "", "logging"),
    ("lightning/pytorch/core/module.py", "log_dict", "logging"),
    ("lightning/pytorch/callbacks/", "", "callbacks of Lightning"),
    ("datamodules/", "", "data"),
    ("benchmarks/tick_callback.py", "on_train_batch_end", "this measurement"),
    ("callbacks/", "", "callbacks of this project"),
    ("commands/", "", "callbacks of this project"),
    ("networks/", "", "forward passes and losses"),
    ("lightning_modules/base/runtime.py", "", "Lightning's loop and hooks"),
    ("lightning_modules/base/step_seed.py", "", "seeds, checks and phases of the models"),
    ("lightning_modules/base/finite.py", "", "seeds, checks and phases of the models"),
    ("lightning_modules/base/runtime.py", "", "seeds, checks and phases of the models"),
    ("lightning_modules/base/alternating.py", "", "seeds, checks and phases of the models"),
    ("lightning_modules/base/one_loss.py", "", "seeds, checks and phases of the models"),
    ("lightning_modules/", "", "forward passes and losses"),
    ("hawc/", "", "forward passes and losses"),
    ("lightning/", "", "Lightning's loop and hooks"),
)
OTHER = "else"
_ROOT = str(Path(__file__).parent.parent)


def part_of(frame: FrameType | None) -> str:
    """Returns the part of a stack, by its innermost call in PARTS."""
    while frame is not None:
        path = frame.f_code.co_filename.removeprefix(_ROOT)  # it may be named hawc, too
        name = frame.f_code.co_name
        for place, function, part in PARTS:
            if f"/{place}" in path and function in ("", name):
                return part
        frame = frame.f_back
    return OTHER


@final
class StackSampler:
    """Adds up the processor time of each part, without skipped steps."""

    class Done(Exception):
        """Ends the training."""

    def __init__(self, schedule: Schedule) -> None:
        self.seconds: dict[str, float] = {}
        self._schedule = schedule
        self._ticks, self._last = 0, 0.0

    def tick(self) -> None:
        """Counts a step; raises Done after the last one."""
        self._ticks += 1
        if self._ticks == self._schedule.skipped:
            self._last = time.process_time()
            signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
        elif self._ticks == self._schedule.steps:
            raise self.Done

    def sample(self, _: int, frame: FrameType | None) -> None:
        """Handles a signal: adds the time since the last one to a part."""
        now, part = time.process_time(), part_of(frame)
        self.seconds[part] = self.seconds.get(part, 0.0) + now - self._last
        self._last = now


def profile(model: str, size: str) -> dict[str, float]:
    """Returns the processor seconds of each part."""
    sampler = StackSampler(SCHEDULES[size])
    before = signal.signal(signal.SIGPROF, sampler.sample)
    try:
        run_ours(model, size, (), sampler.tick)
    except StackSampler.Done:
        return sampler.seconds
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    raise RuntimeError("the training ended before its last step.")


def rows(seconds: Mapping[str, float], steps: int) -> Iterator[str]:
    """Yields a table of parts, the longest first."""
    yield "| part | ms a step | share |"
    yield "|---|---|---|"
    total = sum(seconds.values())
    for part, value in sorted(seconds.items(), key=lambda entry: -entry[1]):
        yield f"| {part} | {1000 * value / steps:.2f} | {value / total:.1%} |"


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
            steps = SCHEDULES[size].steps - SCHEDULES[size].skipped
            lines += [f"\n## {model}, {size}\n", *rows(profile(model, size), steps)]
    options.table.write_text("\n".join(lines) + "\n")
    print(options.table.read_text())


if __name__ == "__main__":
    main()
