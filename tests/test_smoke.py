"""Every command once, on three batches of a model of each family."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

import lightning_modules
import train

MLP = {"init_args": {"widths": [16]}}
ENCODER, DECODER = ({"class_path": f"networks.MLP{kind}", **MLP} for kind in ("Encoder", "Decoder"))
IMAGES = {"class_path": "tests.helpers.TinyImages", "init_args": {"batch_size": 20}}
SHOWN = ("HistoryAwareSampling",)
FAMILIES: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[str, ...]]] = {
    "VAE": ({"latent_dim": 2, "encoder": ENCODER, "decoder": DECODER}, IMAGES, SHOWN),
    "WGANGP": (
        {"latent_dim": 3, "n_critic": 2, "generator": DECODER, "critic": ENCODER},
        IMAGES,
        (*SHOWN, "GeneratorEMA"),
    ),
    "DiscoGAN": (
        {"generator": {"class_path": "networks.MLPTranslator", **MLP}, "critic": ENCODER},
        {"class_path": "tests.tiny_domains.TinyDomains", "init_args": {"batch_size": 10}},
        ("Translations",),
    ),
    "MeanField": (
        {"num_samples": 8},
        {"class_path": "GaussianEllipse", "init_args": {"batch_size": 50, "num_points": 200}},
        ("EpochTimer",),
    ),
}
GENERATES = [name for name, (_, _, shown) in FAMILIES.items() if shown[:1] == SHOWN]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one configuration a family and, once trained, its run."""
    folder = tmp_path_factory.mktemp("smoke")
    for family, (arguments, data, callbacks) in FAMILIES.items():
        config = {
            "model": {"class_path": family, "init_args": arguments},
            "data": data,
            "trainer": {
                **{"accelerator": "cpu", "max_epochs": 1, "limit_train_batches": 3},
                **{"enable_progress_bar": False, "enable_model_summary": False},
                "callbacks": [{"class_path": name} for name in callbacks],
            },
        }
        (folder / f"{family}.yaml").write_text(yaml.safe_dump(config))
    return folder


@pytest.fixture(autouse=True)
def in_workplace(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workplace)
    monkeypatch.setattr(sys, "argv", ["train.py"])


def run(family: str) -> Path:
    """Returns the family's run of one epoch, trained by the first test that needs it."""
    if not (folder := Path(family)).exists():
        train.main(["--config", f"{family}.yaml", "--run_folder", family])
    return folder


def checkpoint(family: str) -> Path:
    return run(family) / "checkpoints" / "last.ckpt"


@pytest.mark.parametrize("family", FAMILIES)
def test_fit_and_resume(family: str, capsys: pytest.CaptureFixture[str]) -> None:
    saved = torch.load(checkpoint(family), weights_only=True)
    assert saved["epoch"] == 0
    assert all(value.isfinite().all() for value in saved["state_dict"].values())
    assert (Path(family) / "metrics.csv").read_text().startswith("epoch,")
    command = ["--config", f"{family}/config.yaml", "--ckpt_path", str(checkpoint(family))]
    train.main([*command, "--trainer.max_epochs", "2", "--run_folder", f"{family}-resumed"])
    again = torch.load(f"{family}-resumed/checkpoints/last.ckpt", weights_only=True)
    assert again["epoch"] == 1
    assert again["global_step"] > saved["global_step"] > 0
    assert "starting from" in capsys.readouterr().out


@pytest.mark.parametrize("family", FAMILIES)
def test_a_class_loads_its_checkpoint(family: str) -> None:
    model = getattr(lightning_modules, family).load_from_checkpoint(checkpoint(family))
    saved = torch.load(checkpoint(family), weights_only=True)["state_dict"]
    assert saved.keys() == model.state_dict().keys()
    assert all(torch.equal(value, saved[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("command", ["validate", "test"])
@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "WGANGP"])
def test_a_checkpoint_is_evaluated(
    family: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(checkpoint(family))  # adversarial models of one domain have no test step
    train.main([command, "--config", f"{family}/config.yaml", "--ckpt_path", path])
    assert ("val/" if command == "validate" else "test/") in capsys.readouterr().out


@pytest.mark.parametrize("family", GENERATES)
def test_sample(family: str) -> None:
    files = (
        "--history",
        f"sqlite:///{family}.db",
        "--create",
        "true",
        "--output",
        f"{family}-samples",
    )
    command = ["sample", "--config", f"{family}/config.yaml", "--num_samples", "4", *files]
    train.main([*command, "--ckpt_path", str(checkpoint(family))])
    manifest = json.loads((Path(f"{family}-samples") / "manifest.json").read_text())
    assert [entry["id"] for entry in manifest["samples"]] == [0, 1, 2, 3]
    assert len(list(Path(f"{family}-samples").glob("*.png"))) == 4


@pytest.mark.parametrize("family", GENERATES)
def test_export(family: str) -> None:
    train.main(["export", str(run(family)), "--output", f"{family}-exported"])
    metadata = json.loads((Path(f"{family}-exported") / "generator.json").read_text())
    assert metadata["shape"] == [1, 8, 8]
    assert load_file(f"{family}-exported/generator.safetensors")
