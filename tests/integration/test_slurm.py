"""Jobs on a real SLURM cluster of two nodes: time limit, preemption, and restart."""

import csv
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from tests.distributed.train_families import experiment
from tests.helpers import same_weights
from tests.slurm_cluster import missing, slurm_cluster

ROOT = Path(__file__).parents[2]
SAMPLING = {"class_path": "HistoryAwareSampling", "init_args": {"num_samples": 2}}
# 72 images are trained on: 18 batches an epoch on each of two nodes
EXPERIMENT = experiment("WGANGP")
EXPERIMENT["trainer"] |= {"strategy": "auto", "max_epochs": 4}
EXPERIMENT["trainer"] |= {"logger": True, "log_every_n_steps": 1}
ENDS = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY"}
ONE_TASK_A_NODE = ("--nodes=2", "--ntasks-per-node=1", "--gres=none", "--cpus-per-task=1")

# jobs start four times and wait in queues, beside other tests on the same cores
pytestmark = [pytest.mark.slurm, pytest.mark.timeout(900)]


class Cluster:
    """Runs SLURM's commands and waits for jobs."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        own = {"MASTER_ADDR": "127.0.0.1", "WANDB_MODE": "offline", "WANDB_SILENT": "true"}
        path = f"{Path(sys.executable).parent}:{environment['PATH']}"
        self._environment = {**environment, **own, "PATH": path}
        self._folder = folder

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command, env=self._environment, cwd=ROOT, capture_output=True, text=True, timeout=200
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def submit(self, name: str, *own: dict[str, Any]) -> tuple[str, Path]:
        """Returns the number of a new job and its run folder.

        Args:
            name: of both.
            own: callbacks of this job.
        """
        folder = self._folder / name
        trainer = {**EXPERIMENT["trainer"], "callbacks": [*own, SAMPLING]}
        folder.with_suffix(".yaml").write_text(yaml.safe_dump({**EXPERIMENT, "trainer": trainer}))
        options = (*ONE_TASK_A_NODE, f"--output={folder}.out", "--parsable")
        job = self.run(
            *("sbatch", *options, "cluster/slurm.sbatch"),
            *("--config", f"{folder}.yaml", "--run_folder", str(folder)),
        )
        return job, folder

    def wait_until(self, condition: Callable[[str], bool], job: str) -> None:
        """Waits for a condition on the job's state, until the timeout of pytest."""
        while not condition(now := self.run("squeue", "-h", "-t", "all", "-j", job, "-o", "%T")):
            assert now not in ENDS, f"{job} is {now}\n{self.said()}"
            time.sleep(0.2)

    def said(self) -> str:
        return "\n".join(path.read_text() for path in self._folder.glob("*.out"))

    def wait_for_end(self, job: str, state: str) -> None:
        self.wait_until(lambda now: now == state, job)

    def wait_for_files(self, job: str, *files: Path) -> None:
        self.wait_until(lambda now: all(file.exists() for file in files), job)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if lacks := missing():
        pytest.skip(f"SLURM cannot run here: no {', '.join(lacks)}")
    with slurm_cluster() as environment:
        yield Cluster(environment, tmp_path_factory.mktemp("slurm"))


def test_a_job_that_is_stopped_twice_equals_an_undisturbed_one(
    cluster: Cluster, tmp_path: Path
) -> None:
    # stops after the tenth batch of 18, and at the end of an epoch
    waits = {"batches": [[1, 3], [2, 12]], "folder": str(tmp_path)}
    waiting = {"class_path": "tests.slow_steps.WaitsForSignals", "init_args": waits}
    job, stopped = cluster.submit("stopped", waiting)
    other, whole = cluster.submit("whole")
    cluster.wait_for_files(job, tmp_path / "1-3-0", tmp_path / "1-3-1")
    cluster.run("scancel", "--signal=USR1", job)  # as SLURM does two minutes before the end
    cluster.wait_for_files(job, tmp_path / "2-12-0", tmp_path / "2-12-1")
    cluster.run("scontrol", "requeue", job)  # as SLURM does for a job of higher priority
    cluster.wait_for_end(job, "COMPLETED")
    cluster.wait_for_end(other, "COMPLETED")
    left, right = (
        torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
        for folder in (stopped, whole)
    )
    assert same_weights(left["state_dict"], right["state_dict"])
    histories = [c["callbacks"]["HistoryAwareSampling"]["points"] for c in (left, right)]
    assert torch.equal(*histories)
    assert len(histories[0]) == 2 * 4
    said = stopped.with_suffix(".out").read_text()
    assert said.count("starting from: ") == 2
    assert "Traceback" not in said
    assert "error: another process" not in said  # all processes stopped together
    parts = sorted((stopped / "wandb").glob("offline-run-*"))
    assert len({part.name.rpartition("-")[2] for part in parts}) == 1
    assert len(parts) == 3
    with (stopped / "metrics.csv").open() as file:
        steps = [row["step"] for row in csv.DictReader(file) if row["train/critic_loss"]]
    assert sorted(map(int, steps)) == sorted(set(map(int, steps)))


def test_a_job_that_loses_a_process_ends(cluster: Cluster, tmp_path: Path) -> None:
    died = tmp_path / "died"
    death = {"rank": 1, "batch_idx": 5, "file": str(died)}
    killer = {"class_path": "tests.slow_steps.DeadlySteps", "init_args": death}
    job, folder = cluster.submit("deadly", killer)
    cluster.wait_for_end(job, "FAILED")
    assert died.exists()
    # srun may end the other process before it prints a line, but prints its own
    assert "task 1: Killed" in folder.with_suffix(".out").read_text()
