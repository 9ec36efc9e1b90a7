"""Processes that die, start anew, or lack what others have: each run ends soon, and says why."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor

from tests.distributed.train_families import FAMILIES, experiment

ROOT = Path(__file__).parent.parent.parent
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--local-addr", "localhost")
TORCHRUN += ("--nproc-per-node", "2")
pytestmark = pytest.mark.timeout(500)


def start(command: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end; one that waits for a lost process would do so for 30 minutes."""
    paths = {"PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    variables = {"OMP_NUM_THREADS": "1", "WANDB_MODE": "disabled", **paths, **variables}
    environment = {**os.environ, **variables}
    return subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=400
    )


def write(folder: Path, **death: Any) -> str:
    """Writes a training whose processes die as told and returns the options that name it."""
    config = experiment("WGANGP")
    killer = {"class_path": "tests.slow_steps.DeadlySteps", "init_args": death}
    config["trainer"]["callbacks"] = [killer]
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return str(folder / "config.yaml")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The run folders of one model of each family, and what was printed."""
    folder = tmp_path_factory.mktemp("families")
    script = str(Path(__file__).with_name("train_families.py"))
    done = start([sys.executable, *TORCHRUN, script, str(folder)])
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def weights_of(run_folder: Path) -> dict[str, Tensor]:
    checkpoint = run_folder / "checkpoints" / "last.ckpt"
    return torch.load(checkpoint, weights_only=True)["state_dict"]


def test_a_model_of_each_family_trains_in_two_processes(trained: tuple[Path, str]) -> None:
    folder, said = trained
    for family in FAMILIES:
        assert all(value.isfinite().all() for value in weights_of(folder / family).values())
    assert "is ddp_find_unused_parameters_true, not ddp: a step of WGANGP updates" in said
    assert "a step of DiscoGAN updates" in said
    assert "step of VAE" not in said


LOST = "train.py: error: another process of this run is gone: killed, out"


def end_of_killed(rank: int, folder: Path) -> subprocess.CompletedProcess[str]:
    """Returns how a run ends that starts its second process itself and loses one of them."""
    died = folder / "died"
    config = write(folder, rank=rank, batch_idx=5, file=str(died))
    command = [sys.executable, "train.py", "--config", config, "--trainer.devices", "2"]
    done = start([*command, "--run_folder", str(folder / "run")])
    assert died.exists()
    return done


def test_the_second_process_ends_when_the_first_is_killed(tmp_path: Path) -> None:
    done = end_of_killed(0, tmp_path)
    assert done.returncode == -signal.SIGKILL
    assert LOST in done.stderr
    assert "Traceback" not in done.stderr


def test_the_first_process_ends_when_the_second_is_killed(tmp_path: Path) -> None:
    done = end_of_killed(1, tmp_path)
    # Lightning looks for its children every five seconds; that may be just before it has said so
    assert done.returncode in (1, -signal.SIGKILL)
    assert LOST in done.stderr or "terminated with code -9" in done.stderr
    assert "Traceback" not in done.stderr


def test_torchrun_ends_when_a_process_is_killed(tmp_path: Path) -> None:
    died = tmp_path / "died"
    config = write(tmp_path, rank=1, batch_idx=5, file=str(died))
    done = start(
        ["cluster/torchrun.sh", "--config", config, "--run_folder", str(tmp_path / "run")],
        NPROC_PER_NODE="2",
    )
    assert done.returncode == 1
    assert died.exists()
    # torchrun may end the other one before that has said anything, so it tells of both itself
    assert "Signal 9 (SIGKILL) received" in done.stderr


def test_torchrun_without_a_gpu_asks_for_a_number() -> None:
    done = start(["cluster/torchrun.sh"], CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 2
    # torch may warn before
    [line] = [line for line in done.stderr.splitlines() if line.startswith("torchrun.sh:")]
    assert line.startswith("torchrun.sh: error: no GPU found; set NPROC_PER_NODE=2 ")
    assert "Traceback" not in done.stderr


def test_a_node_without_the_data_ends_the_run(tmp_path: Path) -> None:
    script = str(Path(__file__).with_name("other_node.py"))
    done = start([sys.executable, *TORCHRUN, script, str(tmp_path)])
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if "train.py: error" in line]
    # the other one may be told that this one is gone, or torchrun ends it before
    lines = [line for line in lines if "another process of this run is gone" not in line]
    assert len(lines) == 1, done.stderr
    assert "BostonHousing/housing.csv' does not exist" in lines[0]
    assert lines[0].endswith("(process 1 on node1)")


def test_images_of_one_process_that_are_nan_end_both(tmp_path: Path) -> None:
    script = str(Path(__file__).with_name("draw_two.py"))
    done = start([sys.executable, *TORCHRUN, script, str(tmp_path)])
    assert done.returncode == 0, done.stderr
    for rank in (0, 1):
        said = (tmp_path / f"refused-{rank}").read_text()
        assert said.startswith("`ckpt_path` must hold weights that decode to finite values")
    assert '"samples": [\n\n]' in (tmp_path / "out" / "manifest.json").read_text()
