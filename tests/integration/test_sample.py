"""The command `sample` from end to end: its files, its galleries, repeats and interruptions."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torchvision.transforms.functional import pil_to_tensor

import train
from commands.sample import run as sample_run
from hawc import DatabaseHistory, StandardNormal
from hawc.distances import squared_distance_to
from hawc.kernels import HuberEnergy
from lightning_modules import EnergyVAE
from networks import MLPDecoder

ROOT = Path(__file__).parents[2]
CONFIG = str(ROOT / "configs" / "energy_vae_mnist5k.yaml")
CHUNKS = ("--chunk_size", "3")
QUIET = ("--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false")
Sample = Callable[..., Path]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a few steps; its checkpoint is copied by each test."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["train.py"])
        train.main(
            [
                *("--config", CONFIG, "--run_folder", str(folder), *QUIET),
                *("--trainer.max_epochs", "1", "--trainer.limit_train_batches", "3"),
                *("--trainer.limit_val_batches", "0", "--trainer.logger", "false"),
                *("--trainer.enable_model_summary", "false"),
            ]
        )
    return folder


@pytest.fixture
def sample(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sample:
    """Runs `sample` in an empty working directory and returns its output folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py"])

    def run(output: str, *arguments: str) -> Path:
        train.main([*command(trained, output), *arguments])
        return Path(output)

    return run


def command(trained: Path, output: str) -> list[str]:
    return [
        *("sample", "--config", f"{trained}/config.yaml", *QUIET),
        *("--ckpt_path", f"{trained}/checkpoints/last.ckpt"),
        *("--history", "sqlite:///gallery.db", "--create", "true", "--output", output),
    ]


def manifest(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return content


def ids(folder: Path) -> list[int]:
    return [entry["id"] for entry in manifest(folder)["samples"]]


def latents(folder: Path) -> torch.Tensor:
    return torch.tensor([entry["latent"] for entry in manifest(folder)["samples"]])


def image(path: Path) -> torch.Tensor:
    with Image.open(path) as image:
        return pil_to_tensor(image)


def gallery() -> torch.Tensor:
    return DatabaseHistory("sqlite:///gallery.db", StandardNormal(8), create=True).points()


def check_agreement(folder: Path) -> None:
    """The same samples are listed, recorded and whole, whenever a command is killed."""
    entries, recorded = manifest(folder)["samples"], gallery()
    assert {path.name for path in folder.glob("*.png")} == {entry["file"] for entry in entries}
    for entry in entries:
        assert image(folder / entry["file"]).shape == (1, 28, 28)
        assert torch.equal(torch.tensor(entry["latent"]), recorded[entry["id"]])


def test_a_second_call_continues_the_gallery(
    sample: Sample, capsys: pytest.CaptureFixture[str]
) -> None:
    first = sample("first", "--num_samples", "24", "--chunk_size", "16")
    second = sample("second", "--num_samples", "20", "--chunk_size", "16")
    assert ids(first) == list(range(24))
    assert ids(second) == list(range(24, 44))
    for folder in (first, second):
        check_agreement(folder)
    recorded = gallery()
    assert torch.equal(torch.cat([latents(first), latents(second)]), recorded)
    target, kernel = StandardNormal(8), HuberEnergy()
    reached = float(squared_distance_to(kernel, recorded.double(), target))
    assert reached < 0.5 * target.self_energy(kernel) / len(recorded)  # of i.i.d. samples
    said = capsys.readouterr().out
    assert "20, from number 24 to 43 of the gallery" in said
    assert "go on" not in said


def test_images_are_what_the_checkpoint_decodes(sample: Sample, trained: Path) -> None:
    folder = sample("out", "--num_samples", "10")
    checkpoint = trained / "checkpoints" / "last.ckpt"
    saved = torch.load(checkpoint, weights_only=True)["state_dict"]
    shown = torch.stack([image(folder / f"{i:08d}.png") for i in range(10)])
    decoder = {name[8:]: value for name, value in saved.items() if name.startswith("decoder.")}
    network = MLPDecoder((1, 28, 28), 8, widths=(200, 200, 200))
    network.load_state_dict(decoder)
    with torch.no_grad():
        decoded = network(latents(folder)).sigmoid()
    # half a gray level is rounding; the order of sums depends on the batch size
    assert (shown.float() / 255 - decoded).abs().max() <= 0.51 / 255
    head = manifest(folder)
    assert head["model"] == EnergyVAE.__name__
    assert Path(head["checkpoint"]) == checkpoint
    assert {"hawc", "torch", "lightning"} >= head["versions"].keys() >= {"torch", "lightning"}
    assert len(head["checkpoint_sha256"]) == 64


def test_the_same_call_on_the_same_gallery_repeats(sample: Sample) -> None:
    first = sample("first", "--num_samples", "12", "--chunk_size", "8")
    Path("gallery.db").rename("elsewhere.db")
    again = sample("again", "--num_samples", "12", "--chunk_size", "8")
    other = sample("other", "--num_samples", "12", "--gallery", "b", "--seed_everything", "1")
    assert torch.equal(latents(first), latents(again))
    for name in ("00000000.png", "00000011.png"):
        assert (first / name).read_bytes() == (again / name).read_bytes()
    assert not torch.isclose(latents(first), latents(other)).any(1).all()


@pytest.mark.parametrize("sampler", ["IndependentSampler", "SobolSampler"])
def test_other_samplers_are_recorded_and_do_not_repeat(sample: Sample, sampler: str) -> None:
    folders = [
        sample(output, "--num_samples", "9", "--chunk_size", "4", "--sampler", sampler)
        for output in ("first", "second")
    ]
    assert [ids(folder) for folder in folders] == [list(range(9)), list(range(9, 18))]
    recorded = gallery()
    assert torch.equal(torch.cat([latents(folder) for folder in folders]), recorded)
    assert len(recorded.unique(dim=0)) == 18
    assert manifest(folders[0])["sampler"] == {"class_path": f"hawc.{sampler}", "init_args": {}}


def test_a_folder_is_for_one_sampler(sample: Sample, capsys: pytest.CaptureFixture[str]) -> None:
    windowed = ("--sampler.window", "2")
    sample("out", "--num_samples", "2", *windowed)
    with pytest.raises(SystemExit):
        sample("out", "--num_samples", "4")
    assert "holds samples with sampler {'class_path'" in capsys.readouterr().err
    assert ids(sample("out", "--num_samples", "4", *windowed)) == [0, 1, 2, 3]


def test_a_larger_number_adds_to_a_folder_and_the_same_one_does_not(
    sample: Sample, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = sample("out", "--num_samples", "6")
    sample("out", "--num_samples", "6")
    assert "the folder already holds 6 samples: for more raise" in capsys.readouterr().out
    assert len(gallery()) == 6
    sample("out", "--num_samples", "10")
    assert ids(folder) == list(range(10))
    check_agreement(folder)


def test_defaults_are_in_the_run_of_the_checkpoint(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "runs" / "energy_vae_mnist5k" / "old"
    (run / "checkpoints").mkdir(parents=True)
    (run / "checkpoints" / "last.ckpt").hardlink_to(trained / "checkpoints" / "last.ckpt")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    monkeypatch.setenv("HAWC_DATA", str(tmp_path / "nowhere"))  # no data are needed
    train.main(
        [*("sample", "--config", CONFIG, "--ckpt_path", "last", "--num_samples", "3"), *QUIET]
    )
    (folder,) = (run / "samples").iterdir()
    assert ids(folder) == [0, 1, 2]
    assert {path.name for path in run.iterdir()} == {"checkpoints", "samples", "gallery.db"}
    assert [path.name for path in (tmp_path / "runs").rglob("wandb")] == []


def test_an_interrupted_command_says_how_to_go_on(
    sample: Sample, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    sample("out", "--num_samples", "4")
    arguments = ("--num_samples", "12", "--chunk_size", "4")
    with monkeypatch.context() as patched:
        patched.setattr(sample_run.SampleFolder, "finish", interrupt)
        with pytest.raises(SystemExit) as ended:
            sample("out", *arguments)
    assert ended.value.code != 0
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    assert "go on: " in said.out
    assert len(gallery()) == 8  # recorded, not yet shown
    folder = sample("out", *arguments)
    assert ids(folder) == list(range(12))
    check_agreement(folder)


def test_a_full_disk_ends_with_one_line_and_samples_are_finished_later(
    sample: Sample, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replace = os.replace

    def full(partial: Path, path: Path) -> None:
        if partial.name == ".00000006.png.part":
            raise OSError(28, "No space left on device", str(partial))
        replace(partial, path)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", full)
        with pytest.raises(SystemExit) as ended:
            sample("out", "--num_samples", "8", "--chunk_size", "4")
    assert ended.value.code == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1
    assert "no space is left on a disk" in errors[0]
    assert ids(Path("out")) == [0, 1, 2, 3]
    assert not list(Path("out").glob("*.part")) + list(Path("out").glob(".*.part"))
    check_agreement(sample("out", "--num_samples", "8", "--chunk_size", "4"))
    assert len(gallery()) == 8


@pytest.mark.timeout(600)  # three processes that load everything, on two cores that may be busy
def test_two_commands_at_once_one_of_two_processes_one_killed(
    sample: Sample, trained: Path, tmp_path: Path
) -> None:
    endless = ("--num_samples", "100000")  # more than it samples before it is killed
    killed, two = (
        subprocess.Popen(
            [sys.executable, str(ROOT / "train.py"), *command(trained, output), *more, *CHUNKS],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        for output, more in (
            ("killed", endless),
            ("two", ("--num_samples", "30", "--trainer.devices", "2", "--trainer.strategy", "ddp")),
        )
    )
    while not list(Path("killed").glob("*.png")) and killed.poll() is None:
        time.sleep(0.001)
    killed.kill()
    killed.wait()
    assert killed.returncode == -signal.SIGKILL
    assert two.wait() == 0
    wanted = len(ids(Path("killed"))) + 15
    folders = sample("killed", "--num_samples", str(wanted), *CHUNKS), Path("two")
    for folder in folders:
        check_agreement(folder)
    assert sorted(i for folder in folders for i in ids(folder)) == list(range(wanted + 30))
    assert len(gallery().unique(dim=0)) == wanted + 30
