"""Mistakes of each kind, by the command line: status 2, one plain line, nothing written.

The other mistakes are tested at the function that refuses them: tests/commands/test_messages.py for
the parser, tests/commands/run for checks before a run, and the packages for their constructors.
"""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.datamodules.idx_files import write_pairs
from tests.mistakes import BASE, Mistake, check_refusal, each_mistake

CONFIGS = Path(__file__).parent.parent / "configs"
WGAN = ("--config", str(CONFIGS / "wgan_cifar.yaml"), "--data", "MNIST5k")
CPU = (*BASE, "--trainer.accelerator", "cpu", "--trainer.callbacks", "null")
CSV = (*BASE, "--data", "CSVTable", "--data.path")
DISCO = ("--config", str(CONFIGS / "disco_gan_toy.yaml"))

TABLE: list[Mistake] = [
    ("no arguments", (), r"an experiment is required, e\.g\. train\.py --config"),
    ("command", ("fitt", *BASE), r"unknown command fitt\. Did you mean fit\? Known: fit, validate"),
    (
        "broken YAML",
        (*BASE, "--config", "broken.yaml"),
        r"'broken\.yaml' is not valid YAML: lin",
    ),
    (
        "misspelt key in a file",
        (*BASE, "--config", "misspelt.yaml"),
        r"unknown option `latnt_dim`\. Did you mean latent_dim\?",
    ),
    (
        "type",
        (*BASE, "--trainer.max_epochs", "five"),
        r"`trainer\.max_epochs` must be int or null, got five",
    ),
    (
        "unknown class",
        (*BASE, "--model", "WGANN"),
        r"`model` names an unknown class WGANN\. Did you mean WGAN\? Known: .*WGAN",
    ),
    (
        "interpolation",
        (*BASE, "--config", "interpolation.yaml"),
        r"`data\.init_args\.batch_size` holds an interpolation that cannot be resolved: .*nope",
    ),
    ("seed", (*CPU, "--seed_everything", "-1"), r"must be 0 to 4294967295, got -1"),
    (
        "another root folder",
        (*BASE, "--trainer.default_root_dir", "elsewhere"),
        r"`trainer\.default_root_dir` must be left out, got 'elsewhere'; .* --run_folder",
    ),
    ("name", (*CPU, "--name", "../x"), r"`name` must be .* within runs, got '\.\./x'"),
    (
        "argument of a model",
        (*BASE, "--model.latent_dim", "0"),
        r"`latent_dim` must be at least 1, got 0",
    ),
    (
        "network that does not fit the data",
        (*CSV, "small.csv", "--data.batch_size", "5", "--model.encoder", "networks.ConvEncoder"),
        r"`image_shape` must be \(channels, height, width\) .*, got \(2,\); for rows .* MLPEncoder",
    ),
    ("no accelerator", (*BASE, "--trainer.accelerator", "gpux"), r"gpux"),
    (
        "no GPU",
        (*BASE, "--trainer.accelerator", "cuda", "--trainer.devices", "64"),
        r"can not run on your system since the accelerator is not available|only has: \[",
    ),
    (
        "number of devices",
        (*CPU, "--trainer.devices", "-1"),
        r"`trainer\.devices` must be auto or a number of processes above 0, .*, got -1",
    ),
    (
        "callback for autoencoders",
        (*WGAN, "--trainer.callbacks+=Reconstructions"),
        r"Reconstructions needs .*; WGAN has no `encode` and `sample_latents`\. Remove",
    ),
    (
        "clipping of an adversarial model",
        (*WGAN, "--trainer.gradient_clip_val", "1"),
        r"`trainer\.gradient_clip_val` must be left out for WGAN",
    ),
    (
        "one domain for a translator",
        (*DISCO, "--data", "MNIST5k"),
        r"`data` must serve batches \(a, b\) of two domains to DiscoGAN, got MNIST5k, .* TwoFol",
    ),
    (
        "learning rate",
        (*BASE, "--model.optimizer.lr", "-1"),
        r"an optimizer of EnergyVAE is refused: Invalid learning rate: -1",
    ),
    (
        "no data, no network",
        (*BASE, "--data", "MNIST", "--data.data_dir", "nowhere"),
        r"`data\.data_dir` must be a folder that holds MNIST.* HAWC_DATA, or use MNIST5k",
    ),
    (
        "damaged data",
        (*BASE, "--data", "MNIST", "--data.data_dir", "damaged"),
        r"train-images-idx3-ubyte' is not a whole IDX file of bytes",
    ),
    (
        "cell of a table",
        (*CSV, "text.csv"),
        r"'text\.csv', line 3, column colour: a finite number is required, got 'red'; correct it",
    ),
    (
        "validation after more batches than there are",
        (*CPU, "--trainer.val_check_interval", "41"),
        r"`trainer\.val_check_interval` must be at most 40, the batches of an epoch, got 41; set",
    ),
    (
        "checkpoint that makes a folder",
        (*BASE, "--ckpt_path", "code.ckpt"),
        r"`ckpt_path` 'code\.ckpt' cannot be read as a checkpoint: it is damaged, cut off, comp",
    ),
    (
        "checkpoint of another model",
        (*BASE, "--ckpt_path", "other.ckpt"),
        r"'other\.ckpt' is of another model than the configured EnergyVAE: it lacks decoder",
    ),
    (
        "run folder in use",
        (*BASE, "--run_folder", "damaged"),
        r"`run_folder` must be new or empty, got 'damaged' with MNIST in it",
    ),
]


class MakesFolder:
    """Creates a folder when it is unpickled; the workplace is compared before and after."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("created-by-a-checkpoint",)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with files that each have something wrong."""
    folder = tmp_path_factory.mktemp("workplace")
    (folder / "broken.yaml").write_text("model: {a: [1\n")
    (folder / "misspelt.yaml").write_text("model: {init_args: {latnt_dim: 3}}\n")
    (folder / "interpolation.yaml").write_text("data: {init_args: {batch_size: '${data.nope}'}}\n")
    (folder / "text.csv").write_text("height,colour\n1.7,3\n1.8,red\n")
    rows = "".join(f"{i / 10},{i}\n" for i in range(60, 80))
    (folder / "small.csv").write_text(f"height,weight\n{rows}")
    write_pairs(folder / "damaged" / "MNIST" / "raw")
    (folder / "damaged" / "MNIST" / "raw" / "train-images-idx3-ubyte").write_bytes(b"<html>")
    torch.save(
        {"state_dict": {"critic.0.weight": torch.zeros(2)}, "pytorch-lightning_version": "2.6"},
        folder / "other.ckpt",
    )
    torch.save({"state_dict": MakesFolder()}, folder / "code.ckpt")
    return folder


@each_mistake(TABLE)
def test_one_plain_line_and_nothing_written(
    mistake: Mistake,
    workplace: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("torchvision.datasets.MNIST", _no_network)
    check_refusal(mistake, workplace, monkeypatch, capfd)


def _no_network(folder: str, download: bool) -> None:
    raise RuntimeError("Error downloading train-images-idx3-ubyte.gz")


JOBS: list[tuple[dict[str, str], Mistake]] = [
    (
        {"MASTER_PORT": "taken"},
        (
            "port in use",
            (*CPU, "--trainer.devices", "2"),
            r"the port \d+ for the processes of this run cannot be opened",
        ),
    ),
    (
        {"SLURM_JOB_ID": "41", "SLURM_NTASKS": "4", "SLURM_NTASKS_PER_NODE": "2"},
        ("no srun", CPU, r"a SLURM job of 4 tasks must start all of them, .*`srun python"),
    ),
]


@pytest.fixture(scope="module")
def taken_port() -> Iterator[str]:
    with socket.socket() as other:
        other.bind(("", 0))
        other.listen()
        yield str(other.getsockname()[1])


@pytest.mark.parametrize(("environment", "mistake"), JOBS, ids=[m[0] for _, m in JOBS])
def test_mistakes_of_jobs(
    environment: dict[str, str],
    mistake: Mistake,
    taken_port: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, taken_port if value == "taken" else value)
    check_refusal(mistake, tmp_path, monkeypatch, capfd)
