"""Contestants train the same networks on as many examples."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import datamodules
from benchmarks import speed_contestants
from benchmarks.bare_loops import LOOPS
from benchmarks.phases import Schedule
from benchmarks.speed_contestants import SCHEDULES, experiment, setting

ROOT = Path(__file__).parent.parent.parent
STEPS = 3


class Enough(Exception):
    """Ends a contestant, like the phases."""


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A tick that ends the training at the third step."""
    short = Schedule(blocks=1, length=STEPS, skipped=0)
    monkeypatch.setattr(speed_contestants, "SCHEDULES", dict.fromkeys(SCHEDULES, short))
    monkeypatch.setattr(sys, "argv", ["train.py"])
    monkeypatch.setenv("WANDB_MODE", "offline")
    count = 0

    def tick() -> None:
        nonlocal count
        count += 1
        if count == STEPS:
            raise Enough

    return tick


@pytest.mark.parametrize("size", SCHEDULES)
@pytest.mark.parametrize("model", LOOPS)
def test_networks_are_the_bare_loop_s(model: str, size: str) -> None:
    bare, arguments = setting(model, size), experiment(model, size)["model"]["init_args"]
    roles = {
        "generator": "decoder",
        "critic": "encoder",
        "encoder": "encoder",
        "decoder": "decoder",
    }
    roles |= {"generator": "translator"} if model == "DiscoGAN" else {}
    networks = {role: arguments[role] for role in roles if role in arguments}
    assert networks
    for role, configured in networks.items():
        factory: Any = getattr(bare, roles[role])
        assert configured["class_path"] == f"networks.{factory.func.__name__}"
        assert configured["init_args"] == factory.keywords


@pytest.mark.parametrize("model", LOOPS)
@pytest.mark.filterwarnings("ignore")  # of Lightning, on short epochs
def test_train_py_trains_the_tiny_ones(model: str, ticks: Callable[[], None]) -> None:
    with pytest.raises(Enough):
        speed_contestants.run_ours(model, "tiny", ("--trainer.logger", "false"), ticks)


@pytest.mark.parametrize("model", ["VAE", "GAN"])
@pytest.mark.filterwarnings("ignore")
def test_lightning_alone_trains(model: str, ticks: Callable[[], None]) -> None:
    with pytest.raises(Enough):
        speed_contestants.run_alone(model, "tiny", ticks)


@pytest.mark.parametrize("size", ["mlp", "dcgan"])
def test_images_are_random(size: str) -> None:
    kind = {"mlp": "MNIST", "dcgan": "CIFAR10"}[size]
    with speed_contestants.random_data_sets("GAN", size):
        images, labels = getattr(datamodules, kind)().read(True)
    assert images.shape[1:] == setting("GAN", size).shape
    assert len(images) == len(labels) > SCHEDULES[size].steps * 64


@pytest.mark.parametrize("contestant", ["two_bare", "two_ours"])
def test_two_processes_train_one_model(contestant: str, tmp_path: Path) -> None:
    code = (
        "import torch\n"
        "from torch.nn.parallel import DistributedDataParallel\n"
        "from benchmarks import speed_contestants\n"
        "class Enough(Exception): pass\n"
        "count, passes = 0, 0\n"
        "forward = DistributedDataParallel.forward\n"
        "def counted(*args, **options):\n"
        "    global passes\n"
        "    passes += 1\n"
        "    return forward(*args, **options)\n"
        "DistributedDataParallel.forward = counted\n"
        "def tick():\n"
        "    global count\n"
        "    count += 1\n"
        "    assert torch.distributed.get_world_size() == 2\n"
        "    if count == 3: raise Enough\n"
        "if __name__ == '__main__':\n"
        f"    try: speed_contestants.{contestant}('GAN', 'tiny', tick)\n"
        "    except Enough: print('three steps' if passes >= 3 else 'no gradients were shared')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=200,
        env={**os.environ, "WANDB_MODE": "offline", "WANDB_DIR": str(tmp_path)},
    )
    assert "three steps" in done.stdout


def test_the_bare_loops_do_not_import_lightning() -> None:
    modules = "benchmarks.training_speed, benchmarks.peers_gan, benchmarks.peers_vae"
    code = f"import sys, {modules}; sys.exit('lightning' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
