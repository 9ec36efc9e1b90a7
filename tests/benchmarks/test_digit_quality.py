"""The table of digits, and images of trained, averaged and untrained weights."""

import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import train
from benchmarks import digit_quality
from benchmarks.trained import TrainedRun

CONFIG = Path(__file__).parents[2] / "configs" / "wgan_gp_mnist.yaml"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    folder = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder.parent)
        patch.setattr(sys, "argv", ["train.py"])
        patch.setenv("WANDB_MODE", "offline")
        train.main(
            [
                *("--config", str(CONFIG), "--data.class_path", "MNIST5k"),
                *("--trainer.max_epochs", "1", "--trainer.limit_train_batches", "5"),
                *("--trainer.accelerator", "cpu", "--run_folder", str(folder)),
                *(
                    "--trainer.enable_progress_bar",
                    "false",
                    "--model.generator.init_args.width",
                    "4",
                ),
                *("--model.critic.init_args.width", "4"),
            ]
        )
    return TrainedRun(folder)


def test_row_counts_digits_and_confidence() -> None:
    class Judge(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images

    confident = torch.full((3, 10), -100.0)
    confident[0, 1] = confident[1, 1] = confident[2, 7] = 100.0
    uncertain = torch.zeros(1, 10)
    line = digit_quality.row("these", torch.cat((confident, uncertain)), Judge())
    # three of confidence 1, one of 0.1 that counts as a 0
    assert line == "| these | 3 | 0 to 2 | 0.775 | 0.75 |"


def test_images_are_those_of_the_trained_weights(run: TrainedRun) -> None:
    images = digit_quality.sampled(run.model())
    assert images.shape == (digit_quality.NUM_JUDGED, 1, 28, 28)
    assert torch.equal(images, digit_quality.sampled(run.model()))
    untrained = digit_quality.sampled(run.untrained())
    assert torch.equal(untrained, digit_quality.sampled(run.untrained()))
    assert not torch.equal(images, untrained)


def test_averaged_weights_are_the_callbacks(run: TrainedRun) -> None:
    average = torch.load(run.folder / "checkpoints" / "last.ckpt")["callbacks"]["GeneratorEMA"]
    averaged = run.averaged()
    assert averaged is not None
    for name, weight in averaged.generator.state_dict().items():
        assert torch.equal(weight, average["average"][name])
