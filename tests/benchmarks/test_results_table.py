"""Tables of trained runs hold the values of the run's model and data."""

import sys
from pathlib import Path

import pytest
import torch
import yaml

import train
from benchmarks import different_digits, results_table
from benchmarks.trained import TrainedRun
from hawc import StandardNormal
from hawc.distances import squared_distance_to
from hawc.kernels import HuberEnergy
from lightning_modules import VAE

CONFIG = Path(__file__).parents[2] / "configs" / "vae_mnist.yaml"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    folder = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder.parent)
        patch.setattr(sys, "argv", ["train.py"])
        patch.setenv("WANDB_MODE", "offline")
        train.main(
            [
                *(
                    "--config",
                    str(CONFIG),
                    "--data.class_path",
                    "MNIST5k",
                    "--seed_everything",
                    "3",
                ),
                *("--trainer.max_epochs", "2", "--trainer.limit_train_batches", "3"),
                *("--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false"),
                *("--run_folder", str(folder), "--trainer.limit_val_batches", "1"),
            ]
        )
    return TrainedRun(folder)


def test_model_and_logs_of_a_run(run: TrainedRun) -> None:
    assert (run.name, run.epochs) == ("vae_mnist", 2)
    model = run.model()
    assert isinstance(model, VAE)
    assert not model.training
    saved = torch.load(run.folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    assert all(torch.equal(value, saved[name]) for name, value in model.state_dict().items())
    speed = run.median("time/steps_per_second")
    assert speed is not None
    assert speed > 0
    assert run.median("time/never_logged") is None


def test_row_holds_the_values_of_the_test_set(run: TrainedRun) -> None:
    cells = [cell.strip() for cell in results_table.row(run, None).strip("|").split("|")]
    assert len(cells) == len(results_table.COLUMNS)
    assert cells[:2] == ["vae_mnist", "3, 2"]
    assert cells[-1].startswith(f"{torch.get_num_threads()} thread")
    torch.manual_seed(0)
    model, elbos, latents = run.model(), [], []
    with torch.no_grad():
        for images, _ in run.data().test_dataloader():
            elbos.append(model.losses(images)["elbo"].item() * len(images) / 500)
            latents.append(model.sample_latents(images))
    assert float(cells[2].removeprefix("elbo ")) == pytest.approx(sum(elbos), abs=0.006)
    target, kernel = StandardNormal(16), HuberEnergy()
    distance = float(squared_distance_to(kernel, torch.cat(latents).double(), target))
    assert float(cells[3]) == pytest.approx(distance, rel=1e-3)
    assert float(cells[4]) == pytest.approx(target.self_energy(kernel) / 500, rel=1e-3)


def test_data_without_a_data_folder_ignore_it(tmp_path: Path) -> None:
    rows = "".join(f"{i},{i * i}\n" for i in range(40))
    (tmp_path / "table.csv").write_text(f"a,b\n{rows}")
    data = {"class_path": "CSVTable", "init_args": {"path": str(tmp_path / "table.csv")}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"data": data}))
    run = TrainedRun(tmp_path)
    assert run.machine == ""
    assert run.data("elsewhere").image_shape == (2,)


def test_images_are_written(
    run: TrainedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results_table, "IMAGES", tmp_path)
    results_table.save_images(run)
    assert (tmp_path / "vae_mnist.png").exists()


def test_different_digits_are_counted(run: TrainedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(different_digits, "REPETITIONS", 2)

    class Alternating:
        def classify(self, images: torch.Tensor) -> torch.Tensor:
            return torch.eye(10)[torch.arange(len(images)) % 7]

    for method in different_digits.METHODS:
        counts = different_digits.counts(run.model(), Alternating(), method)
        assert counts == [[7, 7], [7, 7]]
    lines = list(different_digits.rows(run, Alternating()))
    assert len(lines) == len(different_digits.METHODS)
    assert "| vae_mnist, latent 16 | independent | 7.00 ± 0.00 | 7.00 ± 0.00 |" in lines
