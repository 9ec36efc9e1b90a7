r"""Times of training steps beside those of bare loops, for every model at three sizes.

    python -m benchmarks.training_speed [--sizes tiny mlp dcgan] [--models GAN ...] [--rounds 2]
    python -m benchmarks.training_speed --sizes dcgan --models GAN --rounds 20 \
        --loops "Lightning alone" --folder benchmarks/results/training_speed/repeated

Tiny networks have one hidden layer of 8 units and points of the plane, so nearly all time of a step
is that of the loop. The others are fully connected, and convolutional on 32 x 32 images. train.py
runs without loggers, with its default loggers (W&B and metrics.csv, every tenth step) and with
logging of every step. The bare loops are in benchmarks/bare_loops.py. For two models Lightning's
loop around the same step is timed too, without callbacks, loggers and checkpoints. All train in
separate processes and alternating phases (benchmarks/phases.py), on random examples in memory, with
PyTorch's Adam, not fused. One model also trains in two processes, with half of the batch each.
Writes benchmarks/results/training_speed/<size>.md after each launch. The second command launches a
few loops often, to resolve differences of some per cent: `--loops` are those in addition to the
bare loop and to train.py with default logging.
"""

import argparse
import os
import shlex
import statistics
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch

# no import of Lightning: it changes environment variables, which processes inherit
from benchmarks.bare_loops import LOOPS
from benchmarks.phases import STEADY_MALLOC, Contestant
from benchmarks.speed_contestants import (
    BATCH_SIZE,
    PROCESSES,
    SCHEDULES,
    run_alone,
    run_bare,
    run_ours,
    two_bare,
    two_ours,
)
from benchmarks.step_times import Times, launch, quartiles, ratios, waiting, whole

RESULTS = Path(__file__).parent / "results" / "training_speed"
BARE, ALONE = "bare loop", "Lightning alone"
ALONE_MODELS = ("VAE", "GAN")
TWO = "GAN"  # also trains in two processes
OURS: dict[str, tuple[str, ...]] = {
    "without loggers": ("--trainer.logger", "false"),
    "default logging": (),
    "logging every step": ("--trainer.log_every_n_steps", "1"),
}
DEFAULT = "default logging"
COMPILED = {"compiled networks": ("--trainer.callbacks+", "CompiledNetworks")}
CHANNELS_LAST = {"channels last": ("--trainer.callbacks+", "ChannelsLast")}
BOTH = "two processes"
CHOICES = [ALONE, *(name for name in OURS if name != DEFAULT), *COMPILED, *CHANNELS_LAST, BOTH]
BOUNDS = {"tiny": ("ms more", 0.7), "mlp": ("ratio", 1.05), "dcgan": ("ratio", 1.01)}


def extra(times: Times, name: str, length: int) -> list[float]:
    """Returns the milliseconds per step beyond the bare loop, by blocks."""
    pairs = zip(times[name], times[BARE], strict=True)
    return [1000 * (ours.wall - bare.wall) / length for ours, bare in pairs]


def rows(size: str, results: Mapping[str, Times]) -> Iterator[str]:
    """Yields the table of one size."""
    yield f"| model | training loop | ms a step | ms over the {BARE} | ratio to it | of the whole |"
    yield "|---|---|---|---|---|---|"
    length = SCHEDULES[size].length
    for model, times in results.items():
        for name, blocks in times.items():
            median = statistics.median(1000 * block.wall / length for block in blocks)
            more, ratio = (
                quartiles(extra(times, name, length)),
                quartiles(ratios(times, name, BARE)),
            )
            share = f"{whole(times, name, BARE):.3f}"
            yield f"| {model} | {name} | {median:.2f} | {more} | {ratio} | {share} |"


def verdict(size: str, results: Mapping[str, Times]) -> str:
    """Returns a line with the models within the bound, by the blocks' median and as a whole."""
    kind, bound = BOUNDS[size]
    held, broken = [], []
    for model, times in results.items():
        values = [whole(times, DEFAULT, BARE), statistics.median(ratios(times, DEFAULT, BARE))]
        if kind == "ms more":
            more = extra(times, DEFAULT, SCHEDULES[size].length)
            values = [statistics.mean(more), statistics.median(more)]
        (held if max(values) <= bound else broken).append(model)
    return (
        f"- Required with {DEFAULT}: {kind} at most {bound}, by blocks and as a whole. Holds for "
        f"{', '.join(held) or 'none'}; **does not hold** for {', '.join(broken) or 'none'}."
    )


def page(size: str, results: Mapping[str, Times], two: Times, command: str) -> Iterator[str]:
    """Yields the page of one size; `two` are the times of two processes, or empty."""
    yield f"# Training steps beside bare loops: {size}\n\n`{command}`\n"
    yield (
        f"Batches of {BATCH_SIZE}, one thread a process, {os.cpu_count()} CPU cores, torch "
        f"{torch.__version__}; medians over blocks of {SCHEDULES[size].length} steps, quartiles in "
        "brackets; of the whole: with rare events. A pair's step is one of the critic "
        "and one of the generator; DiscoGAN's one of either. Memory kept by the C library "
        "(phases.STEADY_MALLOC).\n"
    )
    yield from rows(size, results)
    yield "\n" + verdict(size, results)
    yield waiting({f"{m} {k}": v for m, times in results.items() for k, v in times.items()})
    if two:
        share = quartiles(ratios(two, DEFAULT, BARE))
        yield (
            f"\nIn two processes, {BATCH_SIZE // PROCESSES} images each, {TWO}: train.py over a "
            f"{BARE} with DistributedDataParallel {share}, of the whole "
            f"{whole(two, DEFAULT, BARE):.3f}."
        )


def contestants(model: str, size: str) -> dict[str, Contestant]:
    """Returns the contestants that train one model at one size."""
    runs: dict[str, Contestant] = {BARE: partial(run_bare, model, size)}
    if model in ALONE_MODELS:
        runs[ALONE] = partial(run_alone, model, size)
    words = dict(OURS)
    if model == "GAN" and size != "tiny":
        words |= COMPILED
    if model == "GAN" and size == "dcgan":
        words |= CHANNELS_LAST
    return runs | {name: partial(run_ours, model, size, more) for name, more in words.items()}


def measure(size: str, models: list[str], loops: list[str], rounds: int, folder: Path) -> None:
    """Times the loops of some models at one size; writes the page after each launch."""
    command = f"python -m benchmarks.training_speed {shlex.join(sys.argv[1:])}"
    results: dict[str, Times] = {}
    two: Times = {}
    for number in range(rounds):
        for model in models:
            schedule, times = SCHEDULES[size], results.setdefault(model, {})
            runs = contestants(model, size)
            launch({name: runs[name] for name in runs if name in loops}, schedule, number, times)
            if (size, model) == ("mlp", TWO) and BOTH in loops:
                runs = {BARE: partial(two_bare, TWO, size), DEFAULT: partial(two_ours, TWO, size)}
                launch(runs, schedule, number, two)
            text = "\n".join(page(size, results, two, command)) + "\n"
            (folder / f"{size}.md").write_text(text)
    print(text)


def main() -> None:
    """Prints the pages and writes them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=list(SCHEDULES), choices=list(SCHEDULES))
    parser.add_argument("--models", nargs="+", default=list(LOOPS), choices=list(LOOPS))
    parser.add_argument("--loops", nargs="*", default=CHOICES, choices=CHOICES)
    parser.add_argument("--rounds", type=int, default=2, help="launches of all")
    parser.add_argument("--folder", type=Path, default=RESULTS)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    loops = [BARE, DEFAULT, *options.loops]
    os.environ.update(STEADY_MALLOC, OMP_NUM_THREADS="1")  # inherited by the contestants
    for size in options.sizes:
        measure(size, options.models, loops, options.rounds, options.folder)


if __name__ == "__main__":
    main()
