"""Training steps a second of a VAE: this project, a bare PyTorch loop, and pythae.

    HAWC_DATA=<folder with MNIST/raw> python -m benchmarks.peers_vae [--rounds 9] [--threads 1]

All train the networks of configs/vae_mnist.yaml with Adam on the same pictures. This project's
steps are those of `train.py`, run here as a user runs it; its further rows leave out one part after
the other, down to Lightning's loop alone. Rounds alternate and start with another contestant each,
so that a slow moment of the machine meets all; ratios are taken round by round. Run it in a
terminal, where progress bars draw. pythae is no dependency (benchmarks/pythae_vae.py) and is left
out, with a note, where it is missing. Writes benchmarks/results/peers_vae.md.
"""

import argparse
import importlib.util
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from torch import Tensor, nn
from torch.nn import functional

import train
from benchmarks.stopwatch import Stopwatch, StopwatchCallback
from datamodules import MNIST
from networks import MLPDecoder, MLPEncoder

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results" / "peers_vae.md"
SHAPE, LATENT_DIM, WIDTHS = (1, 28, 28), 16, (400, 400)  # as in configs/vae_mnist.yaml
SKIPPED = 20  # steps in which memory is still being found
BARE, OURS, PEER = "bare PyTorch loop", "train.py", "pythae's trainer"
MOST_OVER_BARE, LEAST_OVER_PEER = 1.05, 1.15

Contestant = Callable[[Stopwatch], None]
Times = dict[str, list[tuple[float, float]]]

# What train.py does beyond the loop, from everything to nothing.
_NO_BAR = ("--trainer.enable_progress_bar", "false")
_NO_FILES = ("--trainer.logger", "false")
OPTIONS = {
    f"{OURS} with fused Adam, as configured": ("--model.optimizer.init_args.fused", "true"),
    OURS: (),
    "- without W&B": ("--trainer.logger", "metrics.csv"),
    "- and without the progress bar": ("--trainer.logger", "metrics.csv", *_NO_BAR),
    "- and without metrics.csv": (*_NO_FILES, *_NO_BAR),
    "- and without logging: Lightning's loop": (
        *(*_NO_FILES, *_NO_BAR),
        *("--trainer.log_every_n_steps", "0"),
    ),
}


def networks() -> tuple[MLPEncoder, MLPDecoder]:
    """Returns a fresh encoder and decoder."""
    return MLPEncoder(SHAPE, 2 * LATENT_DIM, WIDTHS), MLPDecoder(SHAPE, LATENT_DIM, WIDTHS)


def bare_loss(encoder: nn.Module, decoder: nn.Module, images: Tensor) -> Tensor:
    """Returns minus the ELBO in nats a picture, as one writes it in a script."""
    mean, log_variance = encoder(images).chunk(2, dim=1)
    z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
    nll = functional.binary_cross_entropy_with_logits(decoder(z), images, reduction="sum")
    divergence = 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum()
    return (nll + divergence) / len(images)


def bare_loop(images: Tensor, batch_size: int, watch: Stopwatch) -> None:
    """Trains for an epoch with what PyTorch needs and nothing else."""
    encoder, decoder = networks()
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
    order = torch.randperm(len(images))
    for index in order.split(batch_size):
        batch = images[index].float().div_(255)
        optimizer.zero_grad()
        bare_loss(encoder, decoder, batch).backward()
        optimizer.step()
        watch.tick()


def command_line(batch_size: int, steps: int, options: tuple[str, ...], watch: Stopwatch) -> None:
    """Runs train.py for one epoch without validation, which is no training step."""
    StopwatchCallback.watch = watch
    with tempfile.TemporaryDirectory() as folder:
        csv_alone = {"class_path": "CSVLogger", "init_args": {"save_dir": folder}}
        words = [json.dumps(csv_alone) if word == "metrics.csv" else word for word in options]
        train.main(
            [
                *("--config", str(ROOT / "configs" / "vae_mnist.yaml")),
                *("--data.batch_size", str(batch_size), "--run_folder", f"{folder}/run"),
                *("--trainer.max_epochs", "1", "--trainer.limit_train_batches", str(steps)),
                *("--trainer.limit_val_batches", "0", "--trainer.accelerator", "cpu"),
                *("--trainer.callbacks+", "benchmarks.stopwatch.StopwatchCallback"),
                *("--model.optimizer.init_args.fused", "false"),  # as the others, unless words say
                *words,
            ]
        )


def contestants(batch_size: int, timed: int) -> dict[str, Contestant]:
    """Returns by name what trains for some steps and ticks after each."""
    steps = SKIPPED + timed
    data = MNIST()
    data.prepare_data()
    images = data.read(train=True)[0][: steps * batch_size]
    runs: dict[str, Contestant] = {BARE: lambda watch: bare_loop(images, batch_size, watch)}
    if importlib.util.find_spec("pythae"):
        from benchmarks import pythae_vae

        floats = pythae_vae.data_set(images)
        runs[PEER] = lambda watch: pythae_vae.train(
            pythae_vae.model(*networks(), LATENT_DIM), floats, batch_size, watch.tick
        )
    runs = {name: without_lightning(run) for name, run in runs.items()}
    for name, options in OPTIONS.items():
        runs[name] = lambda watch, o=options: command_line(batch_size, steps, o, watch)
    return runs


def without_lightning(run: Contestant) -> Contestant:
    """Takes away what importing Lightning sets and PyTorch's optimizers then ask at each step."""

    def alone(watch: Stopwatch) -> None:
        with mock.patch.dict(os.environ):
            os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)
            run(watch)

    return alone


def measure(runs: dict[str, Contestant], rounds: int) -> Times:
    """Returns wall and processor milliseconds a step, a pair for each contestant and round."""
    names, times = list(runs), {name: [] for name in runs}
    for number in range(rounds):
        first = number % len(names)
        for name in (*names[first:], *names[:first]):
            watch = Stopwatch(SKIPPED)
            runs[name](watch)
            times[name].append(watch.milliseconds())
    return times


def ratios(times: Times, name: str, other: str, clock: int = 0) -> list[float]:
    """Returns one contestant's times over another's, round by round."""
    return [a[clock] / b[clock] for a, b in zip(times[name], times[other], strict=True)]


def spread(values: list[float]) -> str:
    """Returns median and range."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def report(times: Times) -> Iterator[str]:
    """Yields the table and whether what is required holds, line by line."""
    yield "| training loop | ms a step | processor ms | steps/s | time over bare | processor time |"
    yield "|---|---|---|---|---|---|"
    for name, pairs in times.items():
        wall, processor = (statistics.median(values) for values in zip(*pairs, strict=True))
        yield (
            f"| {name} | {wall:.2f} | {processor:.2f} | {1000 / wall:.0f} | "
            f"{spread(ratios(times, name, BARE))} | {spread(ratios(times, name, BARE, clock=1))} |"
        )
    yield ""
    over_bare = ratios(times, OURS, BARE)
    holds = statistics.median(over_bare) <= MOST_OVER_BARE
    yield f"Time over the bare loop's: {spread(over_bare)}, at most {MOST_OVER_BARE} required: " + (
        f"{'holds' if holds else '**does not hold**'}."
    )
    if PEER in times:
        over_peer = ratios(times, PEER, OURS)
        holds = statistics.median(over_peer) >= LEAST_OVER_PEER
        yield (
            f"Steps/s over pythae's: {spread(over_peer)}, at least {LEAST_OVER_PEER} required: "
            + (f"{'holds' if holds else '**does not hold**'}.")
        )
    else:
        yield "pythae's trainer is missing: the package pythae is not installed."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--batch_size", type=int, default=128)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    given, sys.argv[1:] = " ".join(sys.argv[1:]), []
    times = measure(contestants(arguments.batch_size, arguments.steps), arguments.rounds)
    terminal = "a terminal" if sys.stdout.isatty() else "no terminal"
    lines = [
        "# Training steps of a VAE\n",
        f"`python -m benchmarks.peers_vae {given}`\n",
        f"MLP 784-400-400-16 and back, batches of {arguments.batch_size}, Adam; {arguments.rounds} "
        f"alternating rounds of {arguments.steps} steps, medians and ranges of rounds; "
        f"{arguments.threads} of {os.cpu_count()} CPU cores, torch {torch.__version__}, output to "
        f"{terminal}.\n",
        *report(times),
    ]
    print("\n".join(lines))
    RESULTS.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
