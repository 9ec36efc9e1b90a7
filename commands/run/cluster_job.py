"""The job of SLURM or torchrun that this process belongs to.

SLURM      sbatch cluster/slurm.sbatch    one process a task, started by srun
torchrun   cluster/torchrun.sh            one process a device, started by an agent on each node
"""

import os
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from lightning.pytorch.plugins.environments import SLURMEnvironment, TorchElasticEnvironment

from commands.errors import UsageError

__all__ = ["ClusterJob", "num_processes", "requeue", "slurm_environment", "this_job"]


@final
@dataclass(frozen=True)
class ClusterJob:
    """A job whose processes are started by SLURM or torchrun.

    Args:
        name: of the run; equal in all its processes and after each restart of the job, different
            for each run of the job. None if the launcher gives no unique name.
        restarts: number of earlier starts, >= 0.
        devices: processes of each node, >= 1.
        nodes: number of nodes, >= 1.
        launch: identity of the job, equal after each restart. It is written to the run folder, so
            that no other job continues there.
    """

    name: str | None
    restarts: int
    devices: int
    nodes: int
    launch: str


def this_job() -> ClusterJob | None:
    """Returns the job that this process belongs to, or None.

    Raises:
        UsageError: if the process would wait for processes that are not started.
    """
    if TorchElasticEnvironment.detect():  # first: torchrun may itself run in a SLURM job
        return _torchrun_job(os.environ)
    return _slurm_job(os.environ) if _is_started_by_slurm() else None


def num_processes(configured: Mapping[str, Any], job: ClusterJob | None) -> dict[str, Any]:
    """Returns `devices` and `num_nodes`; the job's numbers replace defaults."""
    devices, num_nodes = configured["devices"], configured["num_nodes"]
    if job is not None:
        devices = job.devices if devices == "auto" else devices
        num_nodes = job.nodes if num_nodes == 1 else num_nodes
    return {"devices": devices, "num_nodes": num_nodes}


def slurm_environment() -> SLURMEnvironment | None:
    """Returns Lightning's SLURM environment without its signal handlers, or None.

    Lightning saves in the middle of a step and does not distinguish the signals. The callback
    Preemption handles them instead.
    """
    return SLURMEnvironment(auto_requeue=False) if _is_started_by_slurm() else None


def requeue() -> str | None:
    """Puts this SLURM job back into the queue; SLURM then ends its processes.

    Returns:
        The reason of a failure, or None.
    """
    try:
        result = subprocess.run(
            ["scontrol", "requeue", _slurm_id(os.environ)], capture_output=True, text=True
        )
    except OSError as error:
        return f"scontrol: {error.strerror}"
    return " ".join(result.stderr.split()) or "scontrol failed" if result.returncode else None


def _is_started_by_slurm() -> bool:
    """Returns whether SLURM, not torchrun within its job, has started this process."""
    return SLURMEnvironment.detect() and not TorchElasticEnvironment.detect()


def _slurm_job(environment: Mapping[str, str]) -> ClusterJob:
    num_tasks = int(environment["SLURM_NTASKS"])
    if num_tasks > 1 and "SLURM_NTASKS_PER_NODE" not in environment:
        raise UsageError(
            f"a SLURM job of {num_tasks} tasks must set the number of tasks a node, got no "
            "--ntasks-per-node; add it to the #SBATCH lines."
        )
    if num_tasks > 1 and "SLURM_STEP_ID" not in environment:
        raise UsageError(
            f"a SLURM job of {num_tasks} tasks must start all of them, got one process; write "
            "`srun python train.py ...` in the job's script."
        )
    return ClusterJob(
        name=f"slurm-{_slurm_id(environment)}{_run_of_slurm_job(environment)}",
        restarts=int(environment.get("SLURM_RESTART_COUNT", 0)),
        devices=int(environment.get("SLURM_NTASKS_PER_NODE", 1)),
        nodes=int(environment.get("SLURM_NNODES", 1)),
        launch=f"slurm {environment.get('SLURM_CLUSTER_NAME', '')} {_slurm_id(environment)}",
    )


def _run_of_slurm_job(environment: Mapping[str, str]) -> str:
    """Returns a run's suffix within its job: W&B's run id, or the step from 1 on."""
    if "WANDB_RUN_ID" in environment:
        return f"-{environment['WANDB_RUN_ID']}"
    step = environment.get("SLURM_STEP_ID", "0")
    return "" if step == "0" else f".{step}"


def _slurm_id(environment: Mapping[str, str]) -> str:
    # the number of one task of an array may be that of the whole array
    if "SLURM_ARRAY_JOB_ID" in environment:
        return f"{environment['SLURM_ARRAY_JOB_ID']}_{environment['SLURM_ARRAY_TASK_ID']}"
    return environment["SLURM_JOB_ID"]


def _torchrun_job(environment: Mapping[str, str]) -> ClusterJob:
    run_id = environment["TORCHELASTIC_RUN_ID"]
    devices = int(environment["LOCAL_WORLD_SIZE"])
    return ClusterJob(
        name=None if run_id == "none" else f"torchrun-{run_id}",  # torchrun's default
        restarts=int(environment.get("TORCHELASTIC_RESTART_COUNT", 0)),
        devices=devices,
        nodes=int(environment["WORLD_SIZE"]) // devices,
        # the agent outlives its processes; a run id alone may be used twice
        launch=f"torchrun {run_id} {socket.gethostname()} {_identity(os.getppid())}",
    )


def _identity(pid: int) -> str:
    """Returns a process's number and its start time in clock ticks since boot.

    Numbers alone repeat: each container has its own. Without /proc there is no start time.
    """
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return str(pid)
    return f"{pid} {status.rpartition(')')[2].split()[19]}"  # the program's name may hold blanks
