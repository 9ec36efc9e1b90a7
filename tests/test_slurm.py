"""Jobs on a real SLURM cluster of two nodes: their time is over, they make room, they go on."""

import csv
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml

from tests.helpers import same_weights
from tests.slurm_cluster import missing_programs, slurm_cluster

ROOT = Path(__file__).parent.parent
MODEL = {
    "class_path": "WGANGP",
    "init_args": {
        **{"latent_dim": 3, "n_critic": 2},
        "generator": {"class_path": "networks.MLPDecoder", "init_args": {"widths": [16]}},
        "critic": {"class_path": "networks.MLPEncoder", "init_args": {"widths": [16]}},
    },
}
CALLBACKS = [
    {"class_path": "tests.slow_steps.SlowSteps", "init_args": {"seconds": 0.03}},
    {"class_path": "HistoryAwareSampling", "init_args": {"num_samples": 2}},
]
EXPERIMENT = {
    "model": MODEL,
    # 72 pictures are trained on: 18 batches an epoch on each of two nodes
    "data": {"class_path": "tests.helpers.TinyImages", "init_args": {"batch_size": 2}},
    "trainer": {
        **{"accelerator": "cpu", "max_epochs": 16, "log_every_n_steps": 1, "callbacks": CALLBACKS},
        **{"enable_progress_bar": False, "enable_model_summary": False},
    },
}
ONE_TASK_A_NODE = ("--nodes=2", "--ntasks-per-node=1", "--gres=none", "--cpus-per-task=1")

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(600)]


class Cluster:
    """SLURM's commands, as they are typed."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        own = {"MASTER_ADDR": "127.0.0.1", "WANDB_MODE": "offline", "WANDB_SILENT": "true"}
        path = f"{Path(sys.executable).parent}:{environment['PATH']}"
        self._environment = {**environment, **own, "PATH": path}
        self._folder = folder

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command, env=self._environment, cwd=ROOT, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def submit(self, name: str, *arguments: str) -> tuple[str, Path]:
        """Returns the number of a new job and its run folder."""
        folder = self._folder / name
        options = (*ONE_TASK_A_NODE, f"--output={folder}.out", "--parsable")
        job = self.run(
            *("sbatch", *options, "cluster/slurm.sbatch", "--config"),
            *(str(self._folder / "experiment.yaml"), "--run_folder", str(folder), *arguments),
        )
        return job, folder

    def wait_for(self, state: str, job: str, seconds: float = 240) -> None:
        """Waits until SLURM says that the job is in a state."""
        for _ in range(int(seconds / 0.3)):
            now = self.run("squeue", "-h", "-t", "all", "-j", job, "-o", "%T")
            if now == state:
                return
            assert now not in {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT"}, self.said()
            time.sleep(0.3)
        raise AssertionError(f"{job} is {now}, not {state}\n{self.said()}")

    def said(self) -> str:
        return "\n".join(path.read_text() for path in self._folder.glob("*.out"))

    def wait_for_epoch(self, folder: Path, number: int) -> None:
        picture = folder / "pictures" / f"epoch-{number:04d}-new.png"
        for _ in range(600):
            if picture.exists():
                return
            time.sleep(0.2)
        raise AssertionError(self.said())

    def start_again(self, job: str) -> None:
        """Ends the two minutes that SLURM lets a job wait before it starts it again."""
        self.wait_for("PENDING", job)
        self.run("scontrol", "update", f"jobid={job}", "StartTime=now")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if missing := missing_programs():
        pytest.skip(f"SLURM is not installed: no {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("slurm")
    (folder / "experiment.yaml").write_text(yaml.safe_dump(EXPERIMENT))
    with slurm_cluster() as environment:
        yield Cluster(environment, folder)


def test_a_job_that_is_stopped_twice_ends_as_one_that_is_not(cluster: Cluster) -> None:
    job, stopped = cluster.submit("stopped")
    other, whole = cluster.submit("whole")
    cluster.wait_for_epoch(stopped, 2)
    cluster.run("scancel", "--signal=USR1", job)  # as SLURM does two minutes before the end
    cluster.start_again(job)
    cluster.wait_for_epoch(stopped, 8)
    cluster.run("scontrol", "requeue", job)  # as SLURM does for a job of higher priority
    cluster.start_again(job)
    cluster.wait_for("COMPLETED", job)
    cluster.wait_for("COMPLETED", other)
    left, right = (
        torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
        for folder in (stopped, whole)
    )
    assert same_weights(left["state_dict"], right["state_dict"])
    galleries = [c["callbacks"]["HistoryAwareSampling"]["points"] for c in (left, right)]
    assert torch.equal(*galleries)
    assert len(galleries[0]) == 2 * 16
    said = cluster.said()
    assert said.count("the job waits in the queue again") == 1
    assert said.count("starting from: ") == 2
    assert "Traceback" not in said
    assert "error: another process" not in said  # all left together
    parts = sorted((stopped / "wandb").glob("offline-run-*"))
    assert len({part.name.rpartition("-")[2] for part in parts}) == 1
    assert len(parts) == 3
    with (stopped / "metrics.csv").open() as file:
        steps = [row["step"] for row in csv.DictReader(file) if row["train/critic_loss"]]
    assert sorted(map(int, steps)) == sorted(set(map(int, steps)))


def test_a_job_that_loses_a_process_ends(cluster: Cluster, tmp_path: Path) -> None:
    died = tmp_path / "died"
    killer = {"class_path": "tests.slow_steps.DeadlySteps"}
    killer["init_args"] = {"rank": 1, "batch_idx": 5, "file": str(died)}  # type: ignore[assignment]
    trainer = {**EXPERIMENT["trainer"], "callbacks": [killer]}
    file = tmp_path / "deadly.yaml"
    file.write_text(yaml.safe_dump({**EXPERIMENT, "trainer": trainer}))
    job, folder = cluster.submit("deadly", "--config", str(file))
    cluster.wait_for("FAILED", job)
    assert time.time() - float(died.read_text()) < 60
    said = folder.with_suffix(".out").read_text()
    assert "train.py: error: another process of this run is gone" in said
