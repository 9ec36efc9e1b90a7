"""Training steps per second of a VAE: this project, a bare PyTorch loop, and pythae.

    HAWC_DATA=<folder with MNIST/raw> python -m benchmarks.peers_vae [--rounds 3] [--parts]

All contestants train the networks of configs/vae_mnist.yaml with Adam on the same images, in
separate processes and alternating phases (benchmarks/phases.py). The bare loop and pythae do not
import Lightning. This project's steps are those of `train.py`. With --parts further rows leave out
one part of it after the other, down to Lightning's loop. Run it in a terminal, where progress bars
are drawn. pythae is no dependency (benchmarks/pythae_vae.py); without it the page says so. Writes
benchmarks/results/peers_vae.md after each launch.
"""

import argparse
import importlib.util
import json
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from torch import Tensor, nn
from torch.nn import functional

# no import of Lightning: it changes environment variables, which processes inherit
from benchmarks.phases import STEADY_MALLOC, Contestant, Schedule, Tick
from benchmarks.step_times import Times, launch, table, verdict, waiting
from networks import MLPDecoder, MLPEncoder

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results" / "peers_vae.md"
SHAPE, LATENT_DIM, WIDTHS = (1, 28, 28), 16, (400, 400)  # as in configs/vae_mnist.yaml
BATCH_SIZES = (128, 256)
SKIPPED = 20  # steps in which memory is still being allocated
LENGTH = 50  # steps of a block; train.py logs once in each
BARE, OURS, PEER = "bare PyTorch loop", "train.py", "pythae's trainer"
NUM_IMAGES = 54_000  # of MNIST without those held out
MOST_OVER_BARE, LEAST_OVER_PEER = 1.05, 1.15

_NO_BAR = ("--trainer.enable_progress_bar", "false")
_NO_FILES = ("--trainer.logger", "false")
OPTIONS: dict[str, tuple[str, ...]] = {
    OURS: (),
    f"{OURS} with fused Adam, as configured": ("--model.optimizer.init_args.fused", "true"),
}
# parts of train.py beyond the loop, left out one after the other
PARTS = {
    "- without W&B": ("--trainer.logger", "metrics.csv"),
    "- and without the progress bar": ("--trainer.logger", "metrics.csv", *_NO_BAR),
    "- and without metrics.csv": (*_NO_FILES, *_NO_BAR),
    "- and without logging: Lightning's loop": (
        *(*_NO_FILES, *_NO_BAR),
        *("--trainer.log_every_n_steps", "0"),
    ),
}


def networks() -> tuple[MLPEncoder, MLPDecoder]:
    """Returns a new encoder and decoder."""
    return MLPEncoder(SHAPE, 2 * LATENT_DIM, WIDTHS), MLPDecoder(SHAPE, LATENT_DIM, WIDTHS)


def bare_loss(encoder: nn.Module, decoder: nn.Module, images: Tensor) -> Tensor:
    """Returns minus the ELBO in nats per image."""
    mean, log_variance = encoder(images).chunk(2, dim=1)
    z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
    nll = functional.binary_cross_entropy_with_logits(decoder(z), images, reduction="sum")
    divergence = 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum()
    return (nll + divergence) / len(images)


def bare_loop(path: Path, batch_size: int, tick: Tick) -> None:
    """Trains for an epoch by a bare loop."""
    images = torch.load(path)
    encoder, decoder = networks()
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
    for index in torch.randperm(len(images)).split(batch_size):
        batch = images.index_select(0, index).float().div_(255)
        optimizer.zero_grad()
        bare_loss(encoder, decoder, batch).backward()
        optimizer.step()
        tick()


def pythaes_trainer(path: Path, batch_size: int, tick: Tick) -> None:
    """Trains for an epoch with pythae."""
    from benchmarks import pythae_vae

    data = pythae_vae.data_set(torch.load(path))
    pythae_vae.train(pythae_vae.model(*networks(), LATENT_DIM), data, batch_size, tick)


def command_line(batch_size: int, options: tuple[str, ...], tick: Tick) -> None:
    """Runs train.py."""
    from benchmarks.tick_callback import train_and_tick

    with tempfile.TemporaryDirectory() as folder:
        csv_alone = {"class_path": "CSVLogger", "init_args": {"save_dir": folder}}
        words = [json.dumps(csv_alone) if word == "metrics.csv" else word for word in options]
        not_fused = ("--model.optimizer.init_args.fused", "false")  # as in the other contestants
        sizes = ("--data.batch_size", str(batch_size))
        train_and_tick("vae_mnist", [*sizes, *not_fused, *words], folder, tick)


def contestants(images: Path, batch_size: int, parts: bool) -> dict[str, Contestant]:
    """Returns the contestants by name, with `parts` also those of parts of train.py."""
    runs: dict[str, Contestant] = {BARE: partial(bare_loop, images, batch_size)}
    if importlib.util.find_spec("pythae"):
        runs[PEER] = partial(pythaes_trainer, images, batch_size)
    for name, options in (OPTIONS | PARTS if parts else OPTIONS).items():
        runs[name] = partial(command_line, batch_size, options)
    return runs


def save_images(path: Path) -> None:
    """Writes the training images of train.py, in another process because it needs Lightning."""
    process = multiprocessing.get_context("spawn").Process(target=_save_images, args=(path,))
    process.start()
    process.join()
    if process.exitcode != 0:
        raise RuntimeError("MNIST cannot be read, see above; HAWC_DATA names the folder.")


def _save_images(path: Path) -> None:
    from datamodules import MNIST

    data = MNIST()
    data.prepare_data()
    torch.save(data.load(train=True)["train"][0], path)


def schedule(batch_size: int, steps: int) -> Schedule:
    """Returns blocks of `steps` steps in all, at most those of an epoch."""
    in_an_epoch = NUM_IMAGES // batch_size - 1 - SKIPPED
    return Schedule(min(steps, in_an_epoch) // LENGTH, LENGTH, SKIPPED)


def verdicts(times: Times) -> Iterator[str]:
    """Yields lines with the requirements and with the processor time of waiting contestants."""
    yield verdict(times, OURS, BARE, at_most=MOST_OVER_BARE)
    if PEER in times:
        yield verdict(times, PEER, OURS, at_least=LEAST_OVER_PEER)
    else:
        yield "- pythae's trainer is missing: the package pythae is not installed."
    yield waiting(times)


def page(measured: dict[int, Times], options: str, threads: int) -> Iterator[str]:
    """Yields the page of results."""
    yield "# Training steps of a VAE\n"
    yield f"`python -m benchmarks.peers_vae {options}`\n"
    terminal = "a terminal" if sys.stdout.isatty() else "no terminal"
    yield (
        f"MLP 784-400-400-16 and back, Adam; alternating blocks of {LENGTH} steps, {threads} of "
        f"{os.cpu_count()} CPU cores each, torch {torch.__version__}, output to {terminal}; "
        "memory kept by the C library (phases.STEADY_MALLOC)."
    )
    for batch_size, times in measured.items():
        yield f"\n## Batches of {batch_size}, {len(times[BARE])} blocks\n"
        yield from table(times, LENGTH, BARE)
        yield ""
        yield from verdicts(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="launches of all, for each batch")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=400, help="per launch; at most an epoch's")
    parser.add_argument("--parts", action="store_true", help="also time parts of train.py")
    arguments = parser.parse_args()
    # inherited by the contestants' processes
    os.environ.update(STEADY_MALLOC, OMP_NUM_THREADS=str(arguments.threads))
    measured: dict[int, Times] = {size: {} for size in BATCH_SIZES}
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / "images.pt"
        save_images(images)
        for number in range(arguments.rounds):
            for size, times in measured.items():
                runs = contestants(images, size, arguments.parts)
                launch(runs, schedule(size, arguments.steps), number, times)
            options = f"--rounds {number + 1} --steps {arguments.steps} "
            options += f"--threads {arguments.threads}" + " --parts" * arguments.parts
            text = "\n".join(page(measured, options, arguments.threads))
            RESULTS.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
