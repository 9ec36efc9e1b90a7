"""Jobs of SLURM and torchrun, by their environment variables; no cluster is needed."""

import os
import socket
import subprocess
import time
from pathlib import Path

import pytest

from commands.errors import UsageError
from commands.run.cluster_job import (
    ClusterJob,
    _identity,
    num_processes,
    requeue,
    slurm_environment,
    this_job,
)

SLURM = {
    **{"SLURM_JOB_ID": "41", "SLURM_NTASKS": "8", "SLURM_NTASKS_PER_NODE": "4"},
    **{"SLURM_NNODES": "2", "SLURM_STEP_ID": "0", "SLURM_JOB_NAME": "hawc"},
    "SLURM_CLUSTER_NAME": "main",
}
TORCHRUN = {"TORCHELASTIC_RUN_ID": "none", "WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4"}


def set_environment(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def test_a_program_started_in_a_shell_is_no_job() -> None:
    assert this_job() is None
    assert slurm_environment() is None
    assert num_processes({"devices": "auto", "num_nodes": 1}, None) == {
        **{"devices": "auto", "num_nodes": 1}
    }


def test_a_job_of_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch, SLURM)
    assert this_job() == ClusterJob("slurm-41", 0, 4, 2, "slurm main 41")
    set_environment(monkeypatch, {"SLURM_RESTART_COUNT": "3"})
    assert this_job() == ClusterJob("slurm-41", 3, 4, 2, "slurm main 41")
    environment = slurm_environment()
    assert environment is not None
    assert not environment.auto_requeue


def test_a_task_of_an_array_has_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    array = {"SLURM_ARRAY_JOB_ID": "41", "SLURM_ARRAY_TASK_ID": "5"}
    set_environment(monkeypatch, {**SLURM, **array})
    job = this_job()
    assert job is not None
    assert job.name == "slurm-41_5"


def test_runs_of_one_job_have_different_names(monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch, {**SLURM, "SLURM_STEP_ID": "2"})
    job = this_job()
    assert job is not None
    assert (job.name, job.launch) == ("slurm-41.2", "slurm main 41")
    set_environment(monkeypatch, {"WANDB_RUN_ID": "abc12345"})  # as W&B's agent does
    job = this_job()
    assert job is not None
    assert job.name == "slurm-41-abc12345"


def test_tasks_that_srun_did_not_start_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch, {k: v for k, v in SLURM.items() if k != "SLURM_STEP_ID"})
    with pytest.raises(UsageError, match=r"8 tasks must start all .*; write `srun python"):
        this_job()
    set_environment(monkeypatch, {"SLURM_NTASKS": "1", "SLURM_NTASKS_PER_NODE": "1"})
    assert this_job() is not None


def test_tasks_without_a_number_a_node_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch, {k: v for k, v in SLURM.items() if k != "SLURM_NTASKS_PER_NODE"})
    with pytest.raises(UsageError, match=r"got no --ntasks-per-node; add it to the #SBATCH lines"):
        this_job()


def test_a_job_of_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch, TORCHRUN)
    agent = f"{socket.gethostname()} {_identity(os.getppid())}"
    assert this_job() == ClusterJob(None, 0, 4, 2, f"torchrun none {agent}")
    named = {"TORCHELASTIC_RUN_ID": "mine", "TORCHELASTIC_RESTART_COUNT": "2"}
    set_environment(monkeypatch, named)
    assert this_job() == ClusterJob("torchrun-mine", 2, 4, 2, f"torchrun mine {agent}")


def test_torchrun_in_a_job_of_slurm_is_torchruns(monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch, {**SLURM, "SLURM_NTASKS": "1", "SLURM_RESTART_COUNT": "1"})
    set_environment(monkeypatch, TORCHRUN)
    job = this_job()
    assert job is not None
    assert (job.name, job.restarts, job.devices, job.nodes) == (None, 0, 4, 2)
    assert job.launch.startswith("torchrun none")
    assert slurm_environment() is None


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc, of Linux")
def test_an_agent_is_identified_by_its_start_time(tmp_path: Path) -> None:
    program = tmp_path / "odd ) 1 2 name"
    program.symlink_to("/bin/sleep")
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    with subprocess.Popen([program, "60"]) as process:
        after = time.clock_gettime(time.CLOCK_BOOTTIME)
        pid, started = _identity(process.pid).split()
        process.kill()
    tick = 1 / os.sysconf("SC_CLK_TCK")
    assert pid == str(process.pid)
    assert before - tick <= int(started) * tick <= after + tick  # both clocks round down to a tick
    assert _identity(2**31) == str(2**31)  # no such process, as without /proc


def test_numbers_of_processes_are_the_jobs_unless_given() -> None:
    job = ClusterJob("slurm-41", 0, 4, 2, "slurm main 41")
    auto = num_processes({"devices": "auto", "num_nodes": 1}, job)
    assert auto == {"devices": 4, "num_nodes": 2}
    for given in ({"devices": 3, "num_nodes": 5}, {"devices": 1, "num_nodes": 5}):
        assert num_processes(given, job) == given


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ('echo "$@" > asked', None),
        ("echo slurm_requeue error: Invalid job id >&2; exit 1", "slurm_requeue error: Invalid jo"),
        ("exit 1", "scontrol failed"),
    ],
)
def test_requeue(
    script: str, said: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("scontrol").write_text(f"#!/bin/sh\n{script}\n")
    Path("scontrol").chmod(0o755)
    set_environment(monkeypatch, {**SLURM, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    answer = requeue()
    if said is None:
        assert answer is None
        assert Path("asked").read_text() == "requeue 41\n"
    else:
        assert answer is not None
        assert answer.startswith(said)


def test_requeue_without_slurms_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch, {**SLURM, "PATH": str(tmp_path)})
    assert requeue() == "scontrol: No such file or directory"
