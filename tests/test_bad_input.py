"""A table of mistakes: each ends with status 2, one plain line on stderr, and nothing written."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.datamodules.idx_files import write_pairs
from tests.mistakes import BASE, Mistake, check_refusal, each_mistake

ROOT = Path(__file__).parent.parent
WGAN_CONFIG = str(ROOT / "configs" / "wgan_cifar.yaml")

TABLE: list[Mistake] = [
    ("nothing", (), r"an experiment is required, e\.g\. train\.py --config"),
    ("command alone", ("test",), r"an experiment is required"),
    ("command", ("fitt", *BASE), r"unknown command fitt\. Did you mean fit\? Known: fit, validate"),
    ("no file", ("--config", "non.yaml"), r"`--config` names the file 'non\.yaml', .*not exist"),
    (
        "misspelt file",
        ("--config", str(ROOT / "configs" / "energy_vae_mnist5.yaml")),
        r"Did you mean energy_vae_mnist5k\?",
    ),
    (
        "broken YAML",
        (*BASE, "--config", "broken.yaml"),
        r"'broken\.yaml' is not valid YAML: lin",
    ),
    ("a list", ("--config=list.yaml",), r"'list\.yaml' must hold options .*, got list"),
    ("binary file", ("-c", "binary.yaml"), r"'binary\.yaml' is not valid YAML"),
    (
        "misspelt key in a file",
        (*BASE, "--config", "misspelt.yaml"),
        r"unknown option `latnt_dim`\. Did you mean latent_dim\?",
    ),
    (
        "misspelt model option",
        (*BASE, "--model.latnt_dim", "3"),
        r"unknown option `latnt_dim`\. Did you mean latent_dim\?",
    ),
    (
        "misspelt network option",
        (*BASE, "--model.encoder.init_args.widhts", "[3]"),
        r"unknown option `widhts`\. Did you mean widths\?",
    ),
    (
        "misspelt trainer option",
        (*BASE, "--trainer.max_epohs", "3"),
        r"unknown option `trainer\.max_epohs`\. Did you mean trainer\.max_epochs\?",
    ),
    ("abbreviation", (*BASE, "--trainer.max_step", "3"), r"unknown option `trainer\.max_step`"),
    ("unknown group", (*BASE, "--modle.n", "3"), r"unknown option `modle\.n`"),
    ("model type", (*BASE, "--model.latent_dim", "five"), r"`latent_dim` must be int, got five"),
    (
        "trainer type",
        (*BASE, "--trainer.max_epochs", "five"),
        r"`trainer\.max_epochs` must be int or null, got five",
    ),
    (
        "choice",
        (*BASE, "--model.latent_loss", "exakt"),
        r"`latent_loss` must be Literal\['exact', 'paper', .*\], got exakt\. Did you mean exact",
    ),
    (
        "unknown model",
        (*BASE, "--model", "WGANN"),
        r"`model` names an unknown class WGANN\. Did you mean WGAN\? Known: .*WGAN",
    ),
    (
        "unknown data",
        (*BASE, "--data", "MNIST6k"),
        r"`data` names an unknown class MNIST6k\. Did you mean MNIST5k\? Known: Boston.*, CIFAR10",
    ),
    (
        "unknown network",
        (*BASE, "--model.encoder", "networks.MLPEncodr"),
        r"unknown class networks\.MLPEncodr\. Did you mean networks\.MLPEncoder\? Known in netw",
    ),
    (
        "unknown network module",
        (*BASE, "--model.encoder", "networks.MLPEncoder"),
        r"`encoder` .*networks",
    ),
    (
        "unknown callback",
        (*BASE, "--trainer.callbacks+=HistoryAwareSamplin"),
        r"unknown class HistoryAwareSamplin\. Did you mean HistoryAwareSampling\? Known: Chan",
    ),
    (
        "interpolation",
        (*BASE, "--config", "interpolation.yaml"),
        r"`data\.init_args\.batch_size` holds an interpolation that cannot be resolved: .*nope",
    ),
    ("latent_dim 0", (*BASE, "--model.latent_dim", "0"), r"`latent_dim` must be at least 1, got 0"),
    (
        "callback value",
        (*BASE, "--trainer.callbacks.num_samples", "0"),
        r"`num_samples` must be at least 1, got 0",
    ),
    (
        "callback for autoencoders",
        ("--config", WGAN_CONFIG, "--data", "MNIST5k", "--trainer.callbacks+=Reconstructions"),
        r"Reconstructions needs .*; WGAN has no `encode` and `sample_latents`\. Remove",
    ),
    (
        "average that nobody keeps",
        (*BASE, "--trainer.callbacks.use_ema", "true"),
        r"`use_ema` of HistoryAwareSampling needs a GeneratorEMA among the callbacks, .* add one",
    ),
    (
        "average of an autoencoder",
        (*BASE, "--trainer.callbacks+=GeneratorEMA"),
        r"GeneratorEMA needs a model with .*; EnergyVAE has no .*`generator`.*Remove",
    ),
    (
        "decay 1",
        (
            "--config",
            WGAN_CONFIG,
            "--trainer.callbacks+=GeneratorEMA",
            *("--trainer.callbacks.decay", "1"),
        ),
        r"`decay` must be at least 0 and below 1, got 1",
    ),
    (
        "modes of data without any",
        (*BASE, "--trainer.callbacks+=CoveredModes"),
        r"CoveredModes needs data with `modes` and `mode_std`, .* MNIST5k has not; remove",
    ),
    (
        "training of an ensemble",
        (*BASE, "--model", "Ensemble"),
        r"`members` of Ensemble must be given",
    ),
    ("batch 0", (*BASE, "--data.batch_size", "0"), r"`batch_size` must be at least 1, got 0"),
    (
        "batch larger than the data",
        (*BASE, "--data.batch_size", "5000"),
        r"`batch_size` must be at most 4050, the number of training images of MNIST5k",
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
        "network without channels",
        (*BASE, "--model.encoder", "networks.ConvEncoder", "--model.encoder.width", "0"),
        r"`width` must be at least 1, got 0",
    ),
    ("no accelerator", (*BASE, "--trainer.accelerator", "gpux"), r"gpux"),
    (
        "a callback twice",
        (*BASE, "--trainer.callbacks", "[LatentStatistics, LatentStatistics]"),
        r"`trainer\.callbacks` must name LatentStatistics once, got it twice; remove one",
    ),
    (
        "clipping of an adversarial model",
        ("--config", WGAN_CONFIG, "--data", "MNIST5k", "--trainer.gradient_clip_val", "1"),
        r"`trainer\.gradient_clip_val` must be left out for WGAN, which steps two optimizers",
    ),
    (
        "accumulation in an adversarial model",
        ("--config", WGAN_CONFIG, "--data", "MNIST5k", "--trainer.accumulate_grad_batches", "2"),
        r"`trainer\.accumulate_grad_batches` must be left out for WGAN",
    ),
    (
        "a command that the model cannot do",
        ("test", "--config", WGAN_CONFIG, "--data", "MNIST5k"),
        r"`model` must have a test_step for `test`, got WGAN",
    ),
    (
        "learning rate",
        (*BASE, "--model.optimizer.lr", "-1"),
        r"an optimizer of EnergyVAE is refused: Invalid learning rate: -1",
    ),
    (
        "another root folder",
        (*BASE, "--trainer.default_root_dir", "elsewhere"),
        r"`trainer\.default_root_dir` must be left out, got 'elsewhere'; .* --run_folder",
    ),
    (
        "missing checkpoint",
        (*BASE, "--ckpt_path", "none.ckpt"),
        r"`ckpt_path` must be a checkpoint file, got 'none\.ckpt', which does not exist",
    ),
    (
        "no last checkpoint",
        (*BASE, "--ckpt_path", "last"),
        r"`ckpt_path` last needs a checkpoint such as runs/energy_vae_mnist5k/\*/checkpoints/last",
    ),
    (
        "not a checkpoint",
        (*BASE, "--ckpt_path", "broken.yaml"),
        r"`ckpt_path` 'broken\.yaml' cannot be read as a checkpoint",
    ),
    (
        "checkpoint that would run code",
        (*BASE, "--ckpt_path", "code.ckpt"),
        r"`ckpt_path` 'code\.ckpt' cannot be read as a checkpoint",
    ),
    (
        "checkpoint that makes a file",
        (*BASE, "--ckpt_path", "stranger.ckpt"),
        r"`ckpt_path` 'stranger\.ckpt' cannot be read as a checkpoint: it is damaged, cut off, or",
    ),
    (
        "empty checkpoint",
        (*BASE, "--ckpt_path", "nothing.ckpt"),
        r"`ckpt_path` 'nothing\.ckpt' cannot be read as a checkpoint: it is damaged, cut off, or",
    ),
    (
        "checkpoint without weights",
        (*BASE, "--ckpt_path", "empty.ckpt"),
        r"'empty\.ckpt' is not a Lightning checkpoint: it has no weights or",
    ),
    (
        "checkpoint of another model",
        (*BASE, "--ckpt_path", "other.ckpt"),
        r"'other\.ckpt' is of another model than the configured EnergyVAE: it lacks decoder",
    ),
    (
        "run folder that cannot be written",
        (*BASE, "--run_folder", "broken.yaml/run"),
        r"`run_folder` must be a writable folder, got 'broken\.yaml/run'",
    ),
    (
        "run folder in use",
        (*BASE, "--run_folder", "damaged"),
        r"`run_folder` must be new or empty, got 'damaged' with MNIST in it",
    ),
]


class MakesFolder:
    """Makes a folder when it is unpickled: the workplace is compared before and after."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("made-by-a-stranger",)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with files that each have something wrong."""
    folder = tmp_path_factory.mktemp("workplace")
    (folder / "broken.yaml").write_text("model: {a: [1\n")
    (folder / "list.yaml").write_text("- 1\n")
    (folder / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    (folder / "misspelt.yaml").write_text("model: {init_args: {latnt_dim: 3}}\n")
    (folder / "interpolation.yaml").write_text("data: {init_args: {batch_size: '${data.nope}'}}\n")
    write_pairs(folder / "damaged" / "MNIST" / "raw")
    (folder / "damaged" / "MNIST" / "raw" / "train-images-idx3-ubyte").write_bytes(b"<html>")
    torch.save({"epoch": 1}, folder / "empty.ckpt")
    torch.save(
        {"state_dict": {"critic.0.weight": torch.zeros(2)}, "pytorch-lightning_version": "2.6"},
        folder / "other.ckpt",
    )
    torch.save({"state_dict": print}, folder / "code.ckpt")
    torch.save({"state_dict": MakesFolder()}, folder / "stranger.ckpt")
    (folder / "nothing.ckpt").touch()
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
