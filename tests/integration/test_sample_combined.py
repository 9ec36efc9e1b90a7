"""The command `sample` with averages and with several checkpoints, from end to end."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import train
from hawc import DatabaseHistory, StandardNormal

ROOT = Path(__file__).parents[2]
QUIET = ("--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false")
MODEL = (
    *("--config", str(ROOT / "configs" / "wgan_cifar.yaml"), "--data", "MNIST5k"),
    *("--model.latent_dim", "4", "--model.n_critic", "1"),
    *("--model.generator", "networks.MLPDecoder", "--model.generator.widths", "[16]"),
    *("--model.critic", "networks.MLPEncoder", "--model.critic.widths", "[16]"),
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Checkpoints of two short runs; the first one has an average of its generator."""
    folders = [tmp_path_factory.mktemp("trained") / name for name in ("a", "b")]
    with pytest.MonkeyPatch.context() as patch:
        for seed, folder in enumerate(folders):
            patch.setattr(sys, "argv", ["train.py"])
            ema = () if seed else ("--trainer.callbacks+=GeneratorEMA",)
            train.main(
                [
                    *(*MODEL, *ema, "--run_folder", str(folder), *QUIET),
                    *("--trainer.max_epochs", "1", "--trainer.limit_train_batches", "4"),
                    *("--trainer.logger", "false", "--seed_everything", str(seed)),
                    *("--trainer.enable_model_summary", "false", "--data.batch_size", "16"),
                    *("--model.generator_optimizer.lr", "0.01"),
                ]
            )
    return [folder / "checkpoints" / "last.ckpt" for folder in folders]


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py"])


def sample(checkpoint: Path, output: str, *arguments: str) -> dict[str, Any]:
    train.main(
        [
            *("sample", *MODEL, *QUIET, "--ckpt_path", str(checkpoint), "--num_samples", "8"),
            *("--history", f"sqlite:///{output}.db", "--create", "true"),
            *("--output", output, *arguments),
        ]
    )
    content: dict[str, Any] = json.loads((Path(output) / "manifest.json").read_text())
    return content


def test_the_average_decodes_the_same_latents_to_other_images(trained: list[Path]) -> None:
    plain = sample(trained[0], "plain")
    averaged = sample(trained[0], "averaged", "--use_ema", "true")
    assert (plain["use_ema"], averaged["use_ema"]) == (False, True)
    assert [s["latent"] for s in plain["samples"]] == [s["latent"] for s in averaged["samples"]]
    images = [(Path(name) / "00000000.png").read_bytes() for name in ("plain", "averaged")]
    assert images[0] != images[1]


def test_a_run_without_the_callback_has_no_average(
    trained: list[Path], capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        sample(trained[1], "out", "--use_ema", "true")
    (line,) = capfd.readouterr().err.splitlines()
    assert "`use_ema` needs a checkpoint with an average" in line


def test_a_mixture_has_an_additional_latent_and_its_gallery(trained: list[Path]) -> None:
    head = sample(trained[0], "mixed", "--more_checkpoints", f"[{trained[1]}]")
    assert head["model"] == "Ensemble"
    assert head["prior"] == "StandardNormal(dim=5)"
    assert head["more_checkpoints"] == [str(trained[1])]
    recorded = DatabaseHistory("sqlite:///mixed.db", StandardNormal(5), create=True).points()
    assert torch.equal(recorded, torch.tensor([s["latent"] for s in head["samples"]]))
    assert 2 <= int((recorded[:, 4] < 0).sum()) <= 6  # either member


def test_averaged_images_keep_the_distribution(trained: list[Path]) -> None:
    more = ("--more_checkpoints", f"[{trained[1]}]", "--combine", "average")
    head = sample(trained[0], "mean", *more)
    assert (head["model"], head["prior"]) == ("DecoderAverage", "StandardNormal(dim=4)")
    again = sample(trained[0], "mean", *more, "--num_samples", "9")
    assert len(again["samples"]) == 9


def test_samples_of_one_folder_are_of_one_model(
    trained: list[Path], capfd: pytest.CaptureFixture[str]
) -> None:
    sample(trained[0], "out")
    with pytest.raises(SystemExit):
        sample(trained[0], "out", "--more_checkpoints", f"[{trained[1]}]", "--combine", "average")
    assert "holds samples with more_checkpoints_sha256 []" in capfd.readouterr().err
