"""Contestants of benchmarks/training_speed.py: each trains one model at one size."""

import multiprocessing
import os
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import torch
import yaml
from torch import nn

# no import of Lightning: it changes environment variables, which processes inherit
import networks
from benchmarks.bare_loops import LOOPS, Setting, random_examples
from benchmarks.phases import Contestant, Schedule, Tick

__all__ = [
    "BATCH_SIZE",
    "PROCESSES",
    "SCHEDULES",
    "run_alone",
    "run_bare",
    "run_ours",
    "two_bare",
    "two_ours",
]

BATCH_SIZE = 64
# blocks hold whole intervals of logging
SCHEDULES = {
    "tiny": Schedule(blocks=40, length=20, skipped=60),
    "mlp": Schedule(blocks=20, length=10, skipped=20),
    "dcgan": Schedule(blocks=4, length=10, skipped=4),
}
NETWORKS: dict[str, tuple[int, tuple[int, ...], dict[str, Any], dict[str, Any]]] = {
    "tiny": (2, (2,), {"widths": [8]}, {"widths": [8]}),
    "mlp": (100, (1, 28, 28), {"widths": [512, 256]}, {"widths": [256, 512, 1024]}),
    "dcgan": (100, (3, 32, 32), {"batch_norm": False}, {}),
}  # latent_dim, shape of an example, arguments of encoder and decoder
DISCO_SHAPES = {"tiny": (2,), "mlp": (3, 32, 32), "dcgan": (3, 64, 64)}
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


def setting(model: str, size: str, batch_size: int = BATCH_SIZE) -> Setting:
    """Returns the setting of the bare loop of a model."""
    latent_dim, shape, _, _ = NETWORKS[size]
    makers = {
        role: partial(getattr(networks, name), **arguments)
        for role, (name, arguments) in kinds(size).items()
    }
    shape = DISCO_SHAPES[size] if model == "DiscoGAN" else shape
    steps = SCHEDULES[size].steps
    return Setting(shape, latent_dim, **makers, num_steps=steps, batch_size=batch_size)


def experiment(model: str, size: str, batch_size: int = BATCH_SIZE) -> dict[str, Any]:
    """Returns the equivalent configuration of train.py."""
    configured = {
        role: {"class_path": f"networks.{name}", "init_args": arguments}
        for role, (name, arguments) in kinds(size).items()
    }
    ends = {"encoder": configured["encoder"], "decoder": configured["decoder"]}
    pair = {"generator": configured["decoder"], "critic": configured["encoder"]}
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
                "generator": configured["decoder"],
            }
        case "DiscoGAN":
            weights = {"n_generator": 1, "weights": [1.0, 10.0]}
            pair["generator"] = configured["translator"]
            arguments = {**pair, **weights, **optimizers}
        case _:
            arguments = {**latent_dim, **pair, **optimizers, "n_critic": 1}
    return {
        "model": {"class_path": model, "init_args": arguments},
        "data": data_of(model, size, batch_size),
        "trainer": {"max_epochs": 1, "limit_val_batches": 0},
    }


def data_of(model: str, size: str, batch_size: int) -> dict[str, Any]:
    """Returns the configuration of data with enough examples for all steps."""
    arguments: dict[str, Any] = {"batch_size": batch_size, "num_validation": 0}
    points = {"num_points": (SCHEDULES[size].steps + 1) * BATCH_SIZE}
    if model == "DiscoGAN":
        name = "ToyDomains" if size == "tiny" else "Facades"
        arguments |= points if size == "tiny" else {"image_size": DISCO_SHAPES[size][1]}
    else:
        name = {"tiny": "Gaussians8", "mlp": "MNIST", "dcgan": "CIFAR10"}[size]
        arguments |= points if size == "tiny" else {}
    return {"class_path": name, "init_args": arguments}


@contextmanager
def random_data_sets(model: str, size: str) -> Iterator[None]:
    """Makes the data modules of images serve random images instead of files."""
    import datamodules

    shape = setting(model, size).shape
    n = (SCHEDULES[size].steps + 1) * BATCH_SIZE
    labels = torch.zeros(n, dtype=torch.int64)
    pairs = {
        datamodules.MNIST: lambda *_: (random_examples(shape, n), labels),
        datamodules.CIFAR10: lambda *_: (random_examples(shape, n), labels),
        datamodules.Facades: lambda *_: (
            random_examples(shape, n, 0),
            random_examples(shape, n, 1),
        ),
    }
    with ExitStack() as stack:
        for kind, read in pairs.items():
            patch = mock.patch.multiple(kind, prepare_data=lambda *_: None, read=read)
            stack.enter_context(patch)
        yield


def run_bare(model: str, size: str, tick: Tick) -> None:
    """Trains by the bare loop."""
    LOOPS[model](setting(model, size), tick)


def run_alone(model: str, size: str, tick: Tick) -> None:
    """Trains by Lightning alone, without callbacks, loggers and checkpoints."""
    from benchmarks.lightning_alone import train_alone

    train_alone(model, setting(model, size), tick)


def run_ours(model: str, size: str, words: tuple[str, ...], tick: Tick) -> None:
    """Trains by train.py."""
    run_experiment(experiment(model, size), model, size, words, tick)


def run_experiment(
    config: Mapping[str, Any], model: str, size: str, words: tuple[str, ...], tick: Tick
) -> None:
    from benchmarks.tick_callback import train_and_tick

    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        random_data_sets(model, size),
    ):
        path = Path(folder) / "experiment"
        path.with_suffix(".yaml").write_text(yaml.safe_dump(dict(config)))
        train_and_tick(str(path), words, folder, tick)


def two_bare(model: str, size: str, tick: Tick) -> None:
    """Trains by the bare loop in two processes."""
    in_two_processes(partial(_bare_rank, model, size), tick)


def two_ours(model: str, size: str, tick: Tick) -> None:
    """Trains by train.py in two processes."""
    in_two_processes(partial(_our_rank, model, size), tick)


def _bare_rank(model: str, size: str, tick: Tick) -> None:
    torch.distributed.init_process_group("gloo", timeout=timedelta(seconds=120))
    half = setting(model, size, BATCH_SIZE // PROCESSES)
    spread = nn.parallel.DistributedDataParallel
    LOOPS[model](replace(half, spread=spread), tick)


def _our_rank(model: str, size: str, tick: Tick) -> None:
    words = ("--trainer.devices", str(PROCESSES), "--trainer.strategy", "ddp")
    run_experiment(experiment(model, size, BATCH_SIZE // PROCESSES), model, size, words, tick)


def in_two_processes(train: Contestant, tick: Tick) -> None:
    """Trains as the first of two processes; starts and ends the second."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    place |= {"WORLD_SIZE": str(PROCESSES), "LOCAL_WORLD_SIZE": str(PROCESSES)}
    os.environ.update(place, TORCHELASTIC_RUN_ID="speed", RANK="1", LOCAL_RANK="1")
    spawning = multiprocessing.get_context("spawn")
    other = spawning.Process(target=_second, args=(train, os.getpid()))
    other.start()
    os.environ.update(RANK="0", LOCAL_RANK="0")
    try:
        train(tick)
    finally:
        other.kill()
        other.join()


def _second(train: Contestant, first: int) -> None:
    """Trains without pauses until the first process ends."""

    def tick() -> None:
        if os.getppid() != first:
            os._exit(1)

    train(tick)
