"""What SLURM or torchrun say of the job that this process is one of, and a new place in the queue.

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
    """A job whose processes somebody else starts.

    Args:
        name: of the run: the same in all its processes and after each restart of the job, another
            one for each run of the job; None if there is no such name.
        restarts: how often it was started before, >= 0.
        devices: processes of each node, >= 1.
        nodes: >= 1.
        launch: what the run folder of this job remembers, so that no other job goes on in it; the
            same after each restart of this job, and in no other one.
    """

    name: str | None
    restarts: int
    devices: int
    nodes: int
    launch: str


def this_job() -> ClusterJob | None:
    """Returns the job that this process is one of, None if it was started by hand.

    Raises:
        UsageError: if it would wait for processes that nobody starts.
    """
    if TorchElasticEnvironment.detect():  # first, since torchrun may itself run in a SLURM job
        return _torchrun_job(os.environ)
    return _slurm_job(os.environ) if _is_slurms() else None


def num_processes(configured: Mapping[str, Any], job: ClusterJob | None) -> dict[str, Any]:
    """Returns the trainer's `devices` and `num_nodes`: the job's where the defaults stand."""
    devices, num_nodes = configured["devices"], configured["num_nodes"]
    if job is not None:
        devices = job.devices if devices == "auto" else devices
        num_nodes = job.nodes if num_nodes == 1 else num_nodes
    return {"devices": devices, "num_nodes": num_nodes}


def slurm_environment() -> SLURMEnvironment | None:
    """Returns how Lightning is to see a SLURM job: without its own handling of signals.

    That saves in the middle of a step and knows no difference between the signals; the callback
    Preemption is there instead. None if SLURM has not started this process.
    """
    return SLURMEnvironment(auto_requeue=False) if _is_slurms() else None


def requeue() -> str | None:
    """Puts this SLURM job back in the queue, where it waits to start again; ends it soon.

    Returns:
        Why that could not be done, None if it was.
    """
    try:
        asked = subprocess.run(
            ["scontrol", "requeue", _slurm_id(os.environ)], capture_output=True, text=True
        )
    except OSError as error:
        return f"scontrol: {error.strerror}"
    return " ".join(asked.stderr.split()) or "scontrol failed" if asked.returncode else None


def _is_slurms() -> bool:
    """Returns whether SLURM has started this process, not an agent of torchrun in its job."""
    return SLURMEnvironment.detect() and not TorchElasticEnvironment.detect()


def _slurm_job(environment: Mapping[str, str]) -> ClusterJob:
    num_tasks = int(environment["SLURM_NTASKS"])
    if num_tasks > 1 and "SLURM_NTASKS_PER_NODE" not in environment:
        raise UsageError(
            f"a SLURM job of {num_tasks} tasks must say how many of them a node has, got no "
            "--ntasks-per-node; add it to the #SBATCH lines."
        )
    if num_tasks > 1 and "SLURM_STEP_ID" not in environment:
        raise UsageError(
            f"a SLURM job of {num_tasks} tasks must start each of them, got one process, which "
            "would wait for the others; write `srun python train.py ...` in the job's script."
        )
    return ClusterJob(
        name=f"slurm-{_slurm_id(environment)}{_run_of_slurm_job(environment)}",
        restarts=int(environment.get("SLURM_RESTART_COUNT", 0)),
        devices=int(environment.get("SLURM_NTASKS_PER_NODE", 1)),
        nodes=int(environment.get("SLURM_NNODES", 1)),
        launch=f"slurm {environment.get('SLURM_CLUSTER_NAME', '')} {_slurm_id(environment)}",
    )


def _run_of_slurm_job(environment: Mapping[str, str]) -> str:
    """Returns what tells apart the runs of one job: an agent's of W&B, or its steps from 1 on."""
    if "WANDB_RUN_ID" in environment:
        return f"-{environment['WANDB_RUN_ID']}"
    step = environment.get("SLURM_STEP_ID", "0")
    return "" if step == "0" else f".{step}"


def _slurm_id(environment: Mapping[str, str]) -> str:
    # one task of an array may have the very number of the array, which would mean all its tasks
    if "SLURM_ARRAY_JOB_ID" in environment:
        return f"{environment['SLURM_ARRAY_JOB_ID']}_{environment['SLURM_ARRAY_TASK_ID']}"
    return environment["SLURM_JOB_ID"]


def _torchrun_job(environment: Mapping[str, str]) -> ClusterJob:
    run_id = environment["TORCHELASTIC_RUN_ID"]
    devices = int(environment["LOCAL_WORLD_SIZE"])
    return ClusterJob(
        name=None if run_id == "none" else f"torchrun-{run_id}",  # "none" is every run's default
        restarts=int(environment.get("TORCHELASTIC_RESTART_COUNT", 0)),
        devices=devices,
        nodes=int(environment["WORLD_SIZE"]) // devices,
        # the agent, which outlives what it starts; names of runs are given twice
        launch=f"torchrun {run_id} {socket.gethostname()} {_identity(os.getppid())}",
    )


def _identity(pid: int) -> str:
    """Returns a process's number and when it started, in ticks since the machine did.

    In each container the same program may have the same small number. No time where no /proc is.
    """
    try:
        told = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return str(pid)
    return f"{pid} {told.rpartition(')')[2].split()[19]}"  # after a name that may hold anything
