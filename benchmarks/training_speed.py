"""What a training step of this project costs beside a bare loop's: every model, three sizes.

    python -m benchmarks.training_speed [--sizes tiny mlp dcgan] [--models GAN ...] [--rounds 2]

Tiny networks have one hidden layer of 8 units and points of the plane: all that is left of a step
is what loops cost. The others are fully connected, and convolutional on 32 x 32 pictures. train.py
runs as a user runs it, without loggers, with its default ones (W&B and metrics.csv, every tenth
step) and logging every step; the bare loops are in benchmarks/bare_loops.py. All train by turns, a
process each (benchmarks/turns.py), on made-up examples in memory; both sides use PyTorch's own
Adam, neither fused. One model also trains in two processes, with half of the batch each. Writes
benchmarks/results/training_speed.md after each launch.
"""

import argparse
import multiprocessing
import os
import socket
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
import yaml
from torch import nn

# nothing here may import Lightning: it changes environment variables, which processes inherit
import networks
from benchmarks.bare_loops import LOOPS, Setting, made_up
from benchmarks.step_times import Times, launch, quartiles, ratios, waiting, whole
from benchmarks.turns import STEADY_MALLOC, Contestant, Schedule, Tick

RESULTS = Path(__file__).parent / "results" / "training_speed.md"
BARE = "bare loop"
OURS: dict[str, tuple[str, ...]] = {
    "without loggers": ("--trainer.logger", "false"),
    "default logging": (),
    "logging every step": ("--trainer.log_every_n_steps", "1"),
}
DEFAULT = "default logging"
SCHEDULES = {
    "tiny": Schedule(blocks=40, length=20, skipped=60),
    "mlp": Schedule(blocks=20, length=10, skipped=20),
    "dcgan": Schedule(blocks=8, length=4, skipped=4),
}
NETWORKS: dict[str, tuple[int, tuple[int, ...], dict[str, Any], dict[str, Any]]] = {
    "tiny": (2, (2,), {"widths": [8]}, {"widths": [8]}),
    "mlp": (100, (1, 28, 28), {"widths": [512, 256]}, {"widths": [256, 512, 1024]}),
    "dcgan": (100, (3, 32, 32), {"batch_norm": False}, {}),
}  # latent_dim, shape of an example, arguments of encoder and decoder
DISCO_SHAPES = {"tiny": (2,), "mlp": (3, 32, 32), "dcgan": (3, 64, 64)}
BOUNDS = {"tiny": "at most 0.7 ms a step", "mlp": "at most 5 %", "dcgan": "at most 1 %"}
ADAM = {"class_path": "torch.optim.Adam", "init_args": {"lr": 1e-3, "fused": False}}
PROCESSES = 2


def kinds(size: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Returns class and arguments of encoder, decoder and translator."""
    _, _, encoding, decoding = NETWORKS[size]
    if size == "dcgan":
        translating = ("DiscoTranslator", {})
        return {
            "encoder": ("ConvEncoder", encoding),
            "decoder": ("ConvDecoder", decoding),
            "translator": translating,
        }
    return {
        "encoder": ("MLPEncoder", encoding),
        "decoder": ("MLPDecoder", decoding),
        "translator": ("MLPTranslator", encoding),
    }


def setting(model: str, size: str, batch_size: int = 64) -> Setting:
    """Returns what the bare loop of a model trains."""
    latent_dim, shape, _, _ = NETWORKS[size]
    makers = {
        role: partial(getattr(networks, name), **arguments)
        for role, (name, arguments) in kinds(size).items()
    }
    shape = DISCO_SHAPES[size] if model == "DiscoGAN" else shape
    steps = SCHEDULES[size].steps
    return Setting(shape, latent_dim, **makers, num_steps=steps, batch_size=batch_size)


def experiment(model: str, size: str, batch_size: int = 64) -> dict[str, Any]:
    """Returns the configuration that trains the same by train.py."""
    made = {
        role: {"class_path": f"networks.{name}", "init_args": arguments}
        for role, (name, arguments) in kinds(size).items()
    }
    ends = {"encoder": made["encoder"], "decoder": made["decoder"]}
    pair = {"generator": made["decoder"], "critic": made["encoder"]}
    latent_dim = {"latent_dim": NETWORKS[size][0]}
    optimizers = {"generator_optimizer": ADAM, "critic_optimizer": ADAM}
    match model:
        case "VAE":
            rows = {"likelihood": "gaussian", "sigma": 1.0} if size == "tiny" else {}
            arguments = {**latent_dim, **ends, "optimizer": ADAM, **rows}
        case "EnergyVAE":
            arguments = {**latent_dim, **ends, "optimizer": ADAM}
        case "EBGAN":
            codes = {"code_dim": NETWORKS[size][0], "pulling_away_weight": 0.0}
            arguments = {
                **{**latent_dim, **ends, **codes, **optimizers},
                "generator": made["decoder"],
            }
        case "DiscoGAN":
            turns = {"n_generator": 1, "weights": [1.0, 10.0]}
            pair["generator"] = made["translator"]
            arguments = {**pair, **turns, **optimizers}
        case _:
            arguments = {**latent_dim, **pair, **optimizers, "n_critic": 1}
    return {
        "model": {"class_path": model, "init_args": arguments},
        "data": data_of(model, size, batch_size),
        "trainer": {"max_epochs": 1, "limit_val_batches": 0},
    }


def data_of(model: str, size: str, batch_size: int) -> dict[str, Any]:
    """Returns the configuration of data with as many examples as all steps need."""
    arguments: dict[str, Any] = {"batch_size": batch_size, "num_validation": 0}
    points = {"num_points": (SCHEDULES[size].steps + 1) * 64}
    if model == "DiscoGAN":
        name = "ToyDomains" if size == "tiny" else "Facades"
        arguments |= points if size == "tiny" else {"image_size": DISCO_SHAPES[size][1]}
    else:
        name = {"tiny": "Gaussians8", "mlp": "MNIST", "dcgan": "CIFAR10"}[size]
        arguments |= points if size == "tiny" else {}
    return {"class_path": name, "init_args": arguments}


@contextmanager
def made_up_files(model: str, size: str) -> Iterator[None]:
    """Makes the data modules of pictures read made-up ones, so that no file is needed."""
    import datamodules

    shape = setting(model, size).shape
    n = (SCHEDULES[size].steps + 1) * 64
    labels = torch.zeros(n, dtype=torch.int64)
    pairs = {
        datamodules.MNIST: lambda *_: (made_up(shape, n), labels),
        datamodules.CIFAR10: lambda *_: (made_up(shape, n), labels),
        datamodules.Facades: lambda *_: (made_up(shape, n, 0), made_up(shape, n, 1)),
    }
    with ExitStack() as stack:
        for kind, read in pairs.items():
            patch = mock.patch.multiple(kind, prepare_data=lambda *_: None, read=read)
            stack.enter_context(patch)
        yield


def run_bare(model: str, size: str, tick: Tick) -> None:
    """Trains by the bare loop."""
    LOOPS[model](setting(model, size), tick)


def run_ours(model: str, size: str, words: tuple[str, ...], tick: Tick) -> None:
    """Trains by train.py."""
    run_experiment(experiment(model, size), model, size, words, tick)


def run_experiment(
    config: Mapping[str, Any], model: str, size: str, words: tuple[str, ...], tick: Tick
) -> None:
    from benchmarks.tick_callback import train_and_tick

    with tempfile.TemporaryDirectory() as folder, made_up_files(model, size):
        path = Path(folder) / "experiment"
        path.with_suffix(".yaml").write_text(yaml.safe_dump(dict(config)))
        train_and_tick(str(path), words, folder, tick)


def two_bare(model: str, size: str, tick: Tick) -> None:
    """Trains by the bare loop in two processes."""
    both(partial(_bare_rank, model, size), tick)


def two_ours(model: str, size: str, tick: Tick) -> None:
    """Trains by train.py in two processes."""
    both(partial(_our_rank, model, size), tick)


def _bare_rank(model: str, size: str, tick: Tick) -> None:
    torch.distributed.init_process_group("gloo")
    half = setting(model, size, 64 // PROCESSES)
    spread = nn.parallel.DistributedDataParallel
    LOOPS[model](Setting(**{**vars(half), "spread": spread}), tick)


def _our_rank(model: str, size: str, tick: Tick) -> None:
    words = ("--trainer.devices", str(PROCESSES), "--trainer.strategy", "ddp")
    run_experiment(experiment(model, size, 64 // PROCESSES), model, size, words, tick)


def both(train: Contestant, tick: Tick) -> None:
    """Trains as the first of two processes, and starts and ends the second."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(PROCESSES)}
    os.environ.update(place, TORCHELASTIC_RUN_ID="speed", RANK="1", LOCAL_RANK="1")
    other = multiprocessing.get_context("spawn").Process(target=train, args=(_nothing,))
    other.start()
    os.environ.update(RANK="0", LOCAL_RANK="0")
    try:
        train(tick)
    finally:
        other.kill()
        other.join()


def _nothing() -> None:
    """Waits for nobody: the first process has the turns."""


def extra(times: Times, name: str, length: int) -> list[float]:
    """Returns the milliseconds a step that a contestant takes beyond the bare loop, by blocks."""
    pairs = zip(times[name], times[BARE], strict=True)
    return [1000 * (ours.wall - bare.wall) / length for ours, bare in pairs]


def rows(size: str, results: Mapping[str, Times]) -> Iterator[str]:
    """Yields the table of one size."""
    yield (
        f"| model | {BARE}, ms | " + " | ".join(f"{name}: ms more | ratio" for name in OURS) + " |"
    )
    yield "|---|---|" + "---|---|" * len(OURS)
    length = SCHEDULES[size].length
    for model, times in results.items():
        bare = statistics.median(1000 * block.wall / length for block in times[BARE])
        cells = [
            f"{quartiles(extra(times, name, length))} | {shares(times, name)}" for name in OURS
        ]
        yield f"| {model} | {bare:.2f} | " + " | ".join(cells) + " |"


def shares(times: Times, name: str) -> str:
    """Returns the ratio of a contestant's time to the bare loop's, by blocks and of the whole."""
    return f"{quartiles(ratios(times, name, BARE))}, whole {whole(times, name, BARE):.3f}"


def page(results: Mapping[str, Mapping[str, Times]], two: Times, command: str) -> Iterator[str]:
    """Yields the page of results."""
    yield f"# Training steps beside bare loops\n\n`{command}`\n"
    yield (
        f"Batches of 64, one thread a process, {os.cpu_count()} CPU cores, torch "
        f"{torch.__version__}; medians over blocks of some steps, quartiles in brackets; of the "
        "whole: with all that happens seldom. A pair's step is one of the critic and one of the "
        "generator; DiscoGAN's one of either. Memory kept by the C library (turns.STEADY_MALLOC)."
    )
    for size, of_size in results.items():
        yield f"\n## {size}\n\nRequired of the default logging: {BOUNDS[size]}.\n"
        yield from rows(size, of_size)
        yield "\n" + waiting({k: v for times in of_size.values() for k, v in times.items()})
    if two:
        yield f"\n## Two processes, 2 x {64 // PROCESSES} pictures, GAN, mlp\n"
        yield f"- train.py over the {BARE} with DistributedDataParallel: {shares(two, DEFAULT)}."


def main() -> None:
    """Prints the page and writes it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=list(SCHEDULES), choices=list(SCHEDULES))
    parser.add_argument("--models", nargs="+", default=list(LOOPS), choices=list(LOOPS))
    parser.add_argument("--rounds", type=int, default=2, help="launches of all")
    parser.add_argument("--table", type=Path, default=RESULTS)
    options = parser.parse_args()
    command = " ".join(["python -m benchmarks.training_speed", *sys.argv[1:]])
    os.environ.update(STEADY_MALLOC, OMP_NUM_THREADS="1")  # of the processes to come
    results: dict[str, dict[str, Times]] = {
        size: {model: {} for model in options.models} for size in options.sizes
    }
    two: Times = {}
    for number in range(options.rounds):
        for size in options.sizes:
            for model in options.models:
                runs: dict[str, Contestant] = {BARE: partial(run_bare, model, size)}
                runs |= {k: partial(run_ours, model, size, w) for k, w in OURS.items()}
                launch(runs, SCHEDULES[size], number, results[size][model])
        if "mlp" in options.sizes and "GAN" in options.models:
            pair = {BARE: partial(two_bare, "GAN", "mlp"), DEFAULT: partial(two_ours, "GAN", "mlp")}
            launch(pair, SCHEDULES["mlp"], number, two)
        text = "\n".join(page(results, two, command))
        options.table.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
