"""The command line from end to end, in this process, on 5,000 digits of MNIST."""

import csv
import errno
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from lightning import LightningModule, Trainer

import train
from callbacks import HistoryAwareSampling
from tests.wandb_file import read_run

ROOT = Path(__file__).parents[2]
CONFIG = str(ROOT / "configs" / "energy_vae_mnist5k.yaml")
TINY = (
    *("--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false"),
    *("--trainer.enable_model_summary", "false", "--trainer.limit_train_batches", "3"),
    *("--trainer.limit_val_batches", "1", "--trainer.log_every_n_steps", "1"),
)
Run = Callable[..., Path]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs train.py in an empty working directory and returns the folder of its newest run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
    monkeypatch.setenv("WANDB_API_KEY", "")

    def run_once(*arguments: str) -> Path:
        train.main([*arguments, *TINY])
        runs = [path for path in Path("runs").glob("*/*") if path.is_dir()]
        return max(runs, key=lambda path: path.stat().st_mtime_ns)

    return run_once


def test_a_run_leaves_the_files_that_it_names(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run("--config", CONFIG, "--trainer.max_epochs", "2")
    output, warnings = capsys.readouterr()
    assert "wandb: WARNING" not in warnings
    assert folder.parent.name == "energy_vae_mnist5k"
    assert f"run folder: {folder}" in output
    assert "no API key found, logging offline" in output
    checkpoints = ("checkpoints/last.ckpt", "checkpoints/best.ckpt")
    machine = yaml.safe_load((folder / "machine.yaml").read_text())
    assert machine["device"] == "cpu"
    assert (machine["threads"], machine["processes"]) == (torch.get_num_threads(), 1)
    for place in ("images", *checkpoints, "config.yaml", "metrics.csv"):
        assert (folder / place).exists()
        assert str(folder / place) in output
    assert f"wandb sync {folder}/wandb/offline-run" in output
    assert (folder / "images" / "epoch-0002-new.png").exists()
    with (folder / "metrics.csv").open() as file:
        columns = set(next(csv.reader(file)))
    assert {"train/loss", "val/loss", "sampling/squared_distance"} <= columns
    assert {"val/latent_squared_distance", "val/active_units"} <= columns


def test_wandb_file_holds_losses_images_and_configuration(run: Run) -> None:
    folder = run("--config", CONFIG, "--trainer.max_epochs", "2", "--model.latent_dim", "3")
    (offline,) = (folder / "wandb").glob("offline-run-*")
    history, config = read_run(offline)
    losses = [row["train/loss"] for row in history if "train/loss" in row]
    assert len(losses) == 6
    assert all(loss > 0 for loss in losses)
    assert any("val/reconstruction" in row for row in history)
    images = {f"samples/{name}": 2 for name in ("new", "all_samples", "independent")}
    images |= {"images/reconstructions": 2, "images/interpolation": 2}
    images |= {"images/latents": 1, "images/loss-curves": 1}
    for name, times in images.items():
        logged = [row[name] for row in history if name in row]
        assert len(logged) == times
        for image in logged[-1]["filenames"]:
            assert (offline / "files" / image).stat().st_size > 0
    assert "epoch 2: 32 samples so far" in next(
        row["samples/all_samples"]["captions"][0]
        for row in reversed(history)
        if "samples/all_samples" in row
    )
    assert config["cli"]["model"]["init_args"]["latent_dim"] == 3
    assert config["latent_dim"] == 3


def test_a_run_is_resumed_from_its_configuration(run: Run) -> None:
    first = run("--config", CONFIG, "--trainer.max_epochs", "1")
    saved = (
        "--config",
        str(first / "config.yaml"),
        "--ckpt_path",
        f"{first}/checkpoints/last.ckpt",
    )
    second = run(*saved, "--trainer.max_epochs", "2")
    assert second != first
    assert second.parent == first.parent  # the experiment keeps its name
    assert {path.name for path in (second / "images").iterdir()} == {
        *("epoch-0002-new.png", "epoch-0002-independent.png", "all_samples.png"),
        *("epoch-0002-reconstructions.png", "epoch-0002-interpolation.png"),
        *("epoch-0002-latents.png", "loss-curves.png"),
    }
    whole = run("--config", CONFIG, "--trainer.max_epochs", "2")
    left, right = (
        torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
        for folder in (second, whole)
    )
    assert left["global_step"] == right["global_step"] == 6
    for name, value in left["state_dict"].items():
        assert torch.equal(value, right["state_dict"][name])
    (left_history, right_history) = (c["callbacks"]["HistoryAwareSampling"] for c in (left, right))
    assert torch.equal(left_history["points"], right_history["points"])


def test_last_means_the_newest_run_of_that_name(run: Run) -> None:
    run("--config", CONFIG, "--trainer.max_epochs", "1")
    folder = run("--config", CONFIG, "--trainer.max_epochs", "2", "--ckpt_path", "last")
    assert (folder / "images" / "epoch-0002-new.png").exists()
    assert not (folder / "images" / "epoch-0001-new.png").exists()


def test_the_command_line_beats_a_checkpoints_hyperparameters(run: Run) -> None:
    first = run("--config", CONFIG, "--trainer.max_epochs", "1")
    second = run(
        *("--config", CONFIG, "--ckpt_path", f"{first}/checkpoints/last.ckpt"),
        *("--model.latent_weight", "5", "--trainer.max_epochs", "2"),
    )
    saved = torch.load(second / "checkpoints" / "last.ckpt", weights_only=True)
    assert saved["hyper_parameters"]["latent_weight"] == 5


def test_a_resumed_run_takes_a_new_learning_rate(run: Run) -> None:
    first = run("--config", CONFIG, "--trainer.max_epochs", "1")
    second = run(
        *("--config", CONFIG, "--ckpt_path", f"{first}/checkpoints/last.ckpt"),
        *("--model.optimizer.lr", "0", "--trainer.max_epochs", "2"),
    )
    left, right = (
        torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for folder in (first, second)
    )
    assert all(torch.equal(left[name], right[name]) for name in left)


@pytest.mark.filterwarnings("default:a resumed run goes on")
def test_a_schedule_is_resumed_with_a_warning(run: Run) -> None:
    step = "torch.optim.lr_scheduler.StepLR"
    scheduled = ("--config", CONFIG, "--model.scheduler", step, "--model.scheduler.step_size", "1")
    first = run(*scheduled, "--trainer.max_epochs", "1")
    resume = ("--ckpt_path", f"{first}/checkpoints/last.ckpt", "--trainer.max_epochs", "2")
    with pytest.warns(UserWarning, match=r"optimizer\.lr stays 0\.001 \(7\.0 was given\)"):
        second = run(*scheduled, *resume, "--model.optimizer.lr", "7")
    another = ("--model.scheduler", "torch.optim.lr_scheduler.ExponentialLR")
    third = run("--config", CONFIG, *resume, *another, "--model.scheduler.gamma", "0.5")
    rates = [
        torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["optimizer_states"][0]
        for folder in (first, second, third)
    ]
    # a tenth after each epoch; another scheduler starts from the configured rate
    assert [rate["param_groups"][0]["lr"] for rate in rates] == pytest.approx([1e-4, 1e-5, 5e-4])


def test_a_run_from_a_saved_configuration_has_its_own_folder(run: Run) -> None:
    logger = ("--trainer.logger", "WandbLogger", "--trainer.max_epochs", "1")
    first = run("--config", CONFIG, "--run_folder", "runs/a/mine", *logger)
    second = run("--config", f"{first}/config.yaml")
    assert second != first
    assert len(list((first / "wandb").glob("offline-run-*"))) == 1
    assert len(list((second / "wandb").glob("offline-run-*"))) == 1


def test_validate_and_test(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    first = run("fit", "--config", CONFIG, "--trainer.max_epochs", "1")
    checkpoint = f"{first}/checkpoints/last.ckpt"
    for command, metric in (("validate", "val/loss"), ("test", "test/loss")):
        folder = run(command, "--config", CONFIG, "--ckpt_path", checkpoint)
        assert metric in capsys.readouterr().out
        assert metric in (folder / "metrics.csv").read_text()


def test_several_files_interpolation_and_overrides(run: Run, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(
        "model: {init_args: {latent_dim: '${data.init_args.batch_size}'}}\n"
        "trainer: {max_epochs: 1}\n"
    )
    folder = run("--config", CONFIG, "--config", str(overlay), "--data.batch_size", "12")
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert config["model"]["init_args"]["latent_dim"] == 12
    assert config["data"]["init_args"]["batch_size"] == 12


def test_short_names_and_own_loggers(run: Run) -> None:
    folder = run(
        *("--model", "WGAN", "--model.latent_dim", "4", "--data", "MNIST5k"),
        *("--model.generator", "networks.MLPDecoder", "--model.critic", "networks.MLPEncoder"),
        *("--model.critic_optimizer", "RMSprop", "--model.critic_optimizer.lr", "1e-4"),
        *("--data.num_validation", "0", "--trainer.logger", "WandbLogger"),
        *("--trainer.max_epochs", "1", "--name", "mine", "--model.n_critic", "3"),
    )
    assert folder.parent.name == "mine"
    assert (folder / "checkpoints" / "last.ckpt").exists()
    (offline,) = (folder / "wandb").glob("offline-run-*")
    assert any("train/critic_loss" in row for row in read_run(offline)[0])


def test_loggers_and_checkpoints_can_be_switched_off(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run(
        *("--config", CONFIG, "--trainer.max_epochs", "1", "--trainer.logger", "false"),
        *("--trainer.enable_checkpointing", "false"),
    )
    assert {path.name for path in folder.iterdir()} == {"config.yaml", "machine.yaml", "images"}
    assert "W&B" not in capsys.readouterr().out


def test_a_chosen_run_folder(run: Run, tmp_path: Path) -> None:
    run("--config", CONFIG, "--trainer.max_epochs", "1", "--run_folder", "runs/a/mine")
    assert (tmp_path / "runs" / "a" / "mine" / "metrics.csv").exists()


def test_a_disk_that_becomes_full(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    saves: list[int] = []

    def fsync(file: int) -> None:
        saves.append(file)
        if len(saves) > 2:  # last.ckpt and best.ckpt of the first epoch
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fsync)
        with pytest.raises(SystemExit) as ended:
            run(
                *("--config", CONFIG, "--trainer.max_epochs", "3", "--trainer.logger", "false"),
                *("--run_folder", "runs/a/full"),
            )
    assert ended.value.code == 1
    said = capsys.readouterr()
    assert re.search(r"no space is left on a disk \('.*\.ckpt' is unchanged\)", said.err)
    checkpoints = Path("runs/a/full/checkpoints")
    assert torch.load(checkpoints / "last.ckpt", weights_only=True)["global_step"] == 3
    assert {path.name for path in checkpoints.iterdir()} == {"best.ckpt", "last.ckpt"}
    assert "  go on: " in said.out


def test_an_interrupted_run_prints_how_to_resume_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = HistoryAwareSampling.on_train_epoch_end

    def interrupt(self: HistoryAwareSampling, trainer: Trainer, module: LightningModule) -> None:
        if trainer.current_epoch == 1:
            raise KeyboardInterrupt
        sample(self, trainer, module)

    with monkeypatch.context() as patched:
        patched.setattr(HistoryAwareSampling, "on_train_epoch_end", interrupt)
        with pytest.raises(SystemExit) as ended:
            run("--config", CONFIG, "--trainer.max_epochs", "3")
    assert ended.value.code == 130
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "  go on: " in line]
    words = shlex.split(line.partition(": ")[2])
    folder = run(*words[next(i for i, word in enumerate(words) if word.endswith("train.py")) + 1 :])
    images = {path.name for path in (folder / "images").glob("*-new.png")}
    assert images == {"epoch-0002-new.png", "epoch-0003-new.png"}


@pytest.mark.parametrize(
    "advice", ["run `.venv/bin/python train.py ...`, or activate", "make an environment as README"]
)
def test_a_python_without_the_packages_gets_advice(advice: str, tmp_path: Path) -> None:
    """-S leaves out site-packages, like a shell in which no environment is activated."""
    shutil.copy(ROOT / "train.py", tmp_path)
    (tmp_path / "commands").mkdir()
    (tmp_path / "commands" / "main.py").write_text("import torch")
    if "activate" in advice:
        (tmp_path / ".venv" / "bin" / "python").mkdir(parents=True)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    bare = [sys.executable, "-S", "train.py"]
    ended = subprocess.run(bare, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert ended.returncode == 2
    expected = f"train.py: error: torch is not installed for {sys.executable}; {advice}"
    assert ended.stderr.startswith(expected)
    assert ended.stderr.count("\n") == 1
