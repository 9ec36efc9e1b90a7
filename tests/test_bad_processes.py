"""The table of mistakes goes on with processes and devices that there are not."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mistakes import BASE, Mistake, check_refusal

TORCHRUN = {
    **{"TORCHELASTIC_RUN_ID": "none", "RANK": "0", "LOCAL_RANK": "0", "GROUP_RANK": "0"},
    **{"WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2"},
}
SLURM = {"SLURM_JOB_ID": "41", "SLURM_NTASKS": "4", "SLURM_NTASKS_PER_NODE": "2"}
CPU = (*BASE, "--trainer.accelerator", "cpu")

TABLE: list[tuple[dict[str, str], Mistake]] = [
    (
        {},
        (
            "GPUs that there are not",
            (*BASE, "--trainer.accelerator", "cuda", "--trainer.devices", "64"),
            r"can not run on your system since the accelerator is not available|only has: \[",
        ),
    ),
    (
        {"MASTER_PORT": "taken"},
        (
            "a port in use",
            (*CPU, "--trainer.devices", "2"),
            r"the port \d+, on which the processes of this run would meet, cannot be opened",
        ),
    ),
    (
        TORCHRUN,
        (
            "devices that torchrun did not start",
            (*CPU, "--trainer.devices", "3"),
            r"what the job was started with, 2 processes on each of 2 nodes, got 3 and 2; leave",
        ),
    ),
    (SLURM, ("no srun", CPU, r"a SLURM job of 4 tasks must start each of them, .*`srun python")),
    (
        {name: SLURM[name] for name in ("SLURM_JOB_ID", "SLURM_NTASKS")},
        ("tasks of unknown places", CPU, r"got no --ntasks-per-node; add it to the #SBATCH lines"),
    ),
]


@pytest.fixture(scope="module")
def taken_port() -> Iterator[str]:
    with socket.socket() as other:
        other.bind(("", 0))
        other.listen()
        yield str(other.getsockname()[1])


@pytest.mark.parametrize(("environment", "mistake"), TABLE, ids=[m[0] for _, m in TABLE])
def test_one_plain_line_and_nothing_written(
    environment: dict[str, str],
    mistake: Mistake,
    taken_port: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, taken_port if value == "taken" else value)
    check_refusal(mistake, tmp_path, monkeypatch, capfd)
