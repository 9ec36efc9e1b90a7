"""Mistakes in options of `sample`: one plain line, status 2, nothing written."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
import torch

from commands.sample.folder import SampleFolder
from hawc import DatabaseHistory, StandardNormal
from lightning_modules import EnergyVAE
from networks import MLPDecoder, MLPEncoder
from tests.mistakes import BASE, Mistake, check_refusal, each_mistake

NO_CHECKPOINT = ("sample", *BASE, "--num_samples", "4", "--trainer.accelerator", "cpu")
GIVEN = (*NO_CHECKPOINT, "--ckpt_path", "whole.ckpt")
CHOOSING = ("--sampler.features.role", "choosing")
FEATURE = (*GIVEN, "--sampler", "FeatureSampler", "--sampler.features")

TABLE: list[Mistake] = [
    ("command alone", ("sample",), r"an experiment is required"),
    ("no checkpoint", NO_CHECKPOINT, r"`ckpt_path` must be given. See train\.py sample --help"),
    ("no number", ("sample", *BASE, "--ckpt_path", "whole.ckpt"), r"`num_samples` must be given"),
    (
        "missing checkpoint",
        (*NO_CHECKPOINT, "--ckpt_path", "none.ckpt"),
        r"`ckpt_path` must be a checkpoint file, got 'none\.ckpt', which does not exist",
    ),
    (
        "checkpoint of another model",
        (*GIVEN, "--model.latent_dim", "3"),
        r"is of another model than the configured EnergyVAE: its .* has shape",
    ),
    (
        "weights of no images",
        (*NO_CHECKPOINT, "--ckpt_path", "nan.ckpt"),
        r"`ckpt_path` must hold weights that decode to finite values, got NaN or infinity from",
    ),
    (
        "weights of no images in two processes",
        (*NO_CHECKPOINT, "--ckpt_path", "nan.ckpt", "--trainer.devices", "2"),
        r"`ckpt_path` must hold weights that decode to finite values, got NaN or infinity from",
    ),
    (
        "weights of no images among others",
        (*GIVEN, "--more_checkpoints", "[nan.ckpt]"),
        r"`more_checkpoints` must hold weights that decode to finite values",
    ),
    ("number 0", (*GIVEN, "--num_samples", "0"), r"`num_samples` must be at least 1, got 0"),
    ("chunk 0", (*GIVEN, "--chunk_size", "-1"), r"`chunk_size` must be at least 1, got -1"),
    ("number type", (*GIVEN, "--num_samples", "many"), r"`num_samples` must be int, got many"),
    (
        "sampler",
        (*GIVEN, "--sampler", "SobelSampler"),
        r"`sampler` names an unknown class SobelSampler\. Did you mean SobolSampler\? Known: Feat",
    ),
    (
        "sampler of a package",
        (*GIVEN, "--sampler", "hawc.SobelSampler"),
        r"`sampler` names an unknown class hawc\.SobelSampler\. Did you mean hawc\.SobolSampler\?",
    ),
    (
        "module of a sampler",
        (*GIVEN, "--sampler", "hawc.sobel.SobolSampler"),
        r"`sampler` names the module hawc\.sobel, which does not exist",
    ),
    (
        "class that is no sampler",
        (*GIVEN, "--sampler", "torch.nn.Flatten"),
        r"`sampler` must be a subclass of AbstractSampler, got torch\.nn\.Flatten\.$",
    ),
    (
        "argument of another sampler",
        (*GIVEN, "--sampler", "SobolSampler", "--sampler.window", "3"),
        r"unknown option `window`\. See train\.py sample --help",
    ),
    (
        "argument of the sampler",
        (*GIVEN, "--sampler.window", "-1"),
        r"`sampler` cannot be built: `window` must be at least 0, got -1",
    ),
    (
        "sampler of another prior",
        (*GIVEN, "--model.latent_loss", "paper", "--sampler", "SobolSampler"),
        r"`sampler` cannot be built: `target` must be StandardNormal or .*, got StudentT",
    ),
    (
        "misspelt option",
        (*GIVEN, "--num_sample", "3"),
        r"unknown option `num_sample`\. Did you mean num_samples\? See train\.py sample --help",
    ),
    (
        "processes that copy memory",
        (*GIVEN, "--trainer.strategy", "ddp_spawn", "--trainer.devices", "2"),
        r"`trainer\.strategy` must start processes by this command, as ddp does",
    ),
    (
        "model without latents",
        (*GIVEN, "--model", "lightning.pytorch.demos.boring_classes.BoringModel"),
        r"`model` must have `prior` and `decode`, got BoringModel",
    ),
    ("not a URL", (*GIVEN, "--history", "sqlite:gallery.db"), r"`history` must be like 'sqlite"),
    ("scheme", (*GIVEN, "--history", "mysql://u:secret@h/x"), r"`history` must be like 'sqlite"),
    (
        "folder of a gallery",
        (*GIVEN, "--history", "sqlite:///no/where/x.db", "--create", "true"),
        r"no/where/x\.db cannot be .*: does its folder exist",
    ),
    (
        "store that does not exist",
        (*GIVEN, "--history", "owm.db"),
        r"`history` must name a store that exists, .*own\.db.* add --create true",
    ),
    (
        "condition that does not exist",
        (*GIVEN, "--history", "own.db", "--condition", "a dog"),
        r"`condition` must .*a dog.* add --create true",
    ),
    (
        "another distribution",
        (*GIVEN, "--history", "sqlite:///other.db"),
        r"`target` must be StandardNormal\(dim=2\), with which gallery 'default' .* got Standard",
    ),
    ("no database", (*GIVEN, "--history", "sqlite:///whole.ckpt"), r"is no SQLite database"),
    ("damaged", (*GIVEN, "--history", "sqlite:///damaged.db"), r"damaged\.db .* damaged"),
    ("locked", (*GIVEN, "--history", "sqlite:///locked.db?timeout=0.1"), r"keeps it locked"),
    (
        "read-only",
        (*GIVEN, "--history", "sqlite:///file:own.db?mode=ro&uri=true"),
        r"it is read-only: make file and folder writable",
    ),
    (
        "checkpoint without an average",
        (*GIVEN, "--use_ema", "true"),
        r"`use_ema` needs a checkpoint with an average .*, got 'whole\.ckpt'",
    ),
    (
        "missing further checkpoint",
        (*GIVEN, "--more_checkpoints", "[whole.ckpt, none.ckpt]"),
        r"`more_checkpoints` must be a checkpoint file, got 'none\.ckpt', which does not exist",
    ),
    (
        "further checkpoint that is no list",
        (*GIVEN, "--more_checkpoints", "whole.ckpt"),
        r"`more_checkpoints` must be .*, got whole\.ckpt\. Write it as '\[whole\.ckpt\]', or",
    ),
    (
        "combination",
        (*GIVEN, "--combine", "average"),
        r"`combine` average needs several checkpoints, got one; name others",
    ),
    (
        "a way to combine that there is not",
        (*GIVEN, "--more_checkpoints", "[whole.ckpt]", "--combine", "averag"),
        r"`combine` must be .*, got averag\. Did you mean average\?",
    ),
    (
        "mixture of another distribution",
        (
            *(*GIVEN, "--more_checkpoints", "[whole.ckpt]"),
            *("--model.latent_loss", "paper"),
        ),
        r"`more_checkpoints` must have a standard normal prior, so that .*, got StudentT",
    ),
    (
        "features without a network",
        (*GIVEN, "--sampler", "FeatureSampler"),
        r"`features` of FeatureSampler must be given",
    ),
    (
        "decoder on the command line",
        (*FEATURE, "torch.nn.Flatten", "--sampler.decode", "torch.nn.Flatten"),
        r"unknown option `decode`\.",
    ),
    (
        "examples for another sampler",
        (*GIVEN, "--num_real", "5"),
        r"`num_real` is for a sampler that compares images, got 5 without one; leave it out",
    ),
    (
        "features of no real example",
        (*FEATURE, "networks.DigitFeatures", *CHOOSING, "--num_real", "-1"),
        r"`num_real` must be at least 0, got -1",
    ),
    (
        "network of other images",
        (*FEATURE, "networks.ObjectFeatures", *CHOOSING),
        r"`sampler\.features` must take the images, of shape \(1, 28, 28\): ",
    ),
    (
        "features, and a number",
        (*FEATURE, "networks.DigitFeatures", *CHOOSING, "--num_samples", "0"),
        r"`num_samples` must be at least 1, got 0",
    ),
    (
        "features, and a foreign folder",
        (*FEATURE, "networks.DigitFeatures", *CHOOSING, "--output", "foreign"),
        r"`output` must be new, empty or of earlier samples",
    ),
    (
        "features in a gallery of latents",
        (*FEATURE, "networks.DigitFeatures", *CHOOSING, "--history", "sqlite:///own.db"),
        r"`target` must be StandardNormal\(dim=8\), with which gallery 'default' .*Latents",
    ),
    (
        "network without its role",
        (*FEATURE, "networks.DigitFeatures"),
        r"`role` of DigitFeatures must be given\. See train\.py sample --help",
    ),
    (
        "network that there is not",
        (*FEATURE, "networks.Digits"),
        r"`features` names an unknown class networks\.Digits\. Did you mean networks\.DigitF",
    ),
    (
        "gallery that does not exist",
        (*GIVEN, "--history", "own.db", "--gallery", "defaults"),
        r"`gallery` must .*default.* add --create true",
    ),
    ("gallery", (*GIVEN, "--gallery", ""), r"`gallery` must be 1 to 100 printable characters"),
    (
        "foreign folder",
        (*GIVEN, "--output", "foreign"),
        r"`output` must be new, empty or of earlier samples, got 'foreign' with thesis\.tex in",
    ),
    (
        "folder below a file",
        (*GIVEN, "--output", "whole.ckpt/deep"),
        r"`output` must be a writable folder, got 'whole\.ckpt/deep'",
    ),
    (
        "folder of other samples",
        (*GIVEN, "--output", "begun"),
        r"'begun' holds samples with checkpoint_sha256 0, got ",
    ),
]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working directory with a checkpoint that fits, and galleries and folders that do not."""
    folder = tmp_path_factory.mktemp("sampling")
    encoder, decoder = (partial(network, widths=(200,) * 3) for network in (MLPEncoder, MLPDecoder))
    model = EnergyVAE((1, 28, 28), 8, encoder, decoder)
    torch.save(
        {"state_dict": model.state_dict(), "pytorch-lightning_version": "2.6"},
        folder / "whole.ckpt",
    )
    lost = {name: value * torch.nan for name, value in model.state_dict().items()}
    torch.save({"state_dict": lost, "pytorch-lightning_version": "2.6"}, folder / "nan.ckpt")
    DatabaseHistory(f"sqlite:///{folder}/other.db", StandardNormal(2), create=True)
    for name in ("own", "locked", "damaged"):
        history = DatabaseHistory(f"sqlite:///{folder}/{name}.db", StandardNormal(8), create=True)
        history.append(torch.zeros(2000, 8), expected_length=0)
    damaged = folder / "damaged.db"
    half = damaged.stat().st_size // 2
    damaged.write_bytes(damaged.read_bytes()[:half] + bytes(half))
    (folder / "foreign").mkdir()
    (folder / "foreign" / "thesis.tex").touch()
    SampleFolder(folder / "begun", {"checkpoint_sha256": "0"}).close()
    with closing(sqlite3.connect(folder / "locked.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield folder


@each_mistake(TABLE)
def test_one_plain_line_and_nothing_written(
    mistake: Mistake,
    workplace: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    check_refusal(mistake, workplace, monkeypatch, capfd)
