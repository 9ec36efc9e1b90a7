"""A SLURM cluster of two nodes on this machine, for the duration of a test."""

import os
import platform
import pwd
import random
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.free_ports import free_ports, is_free

__all__ = ["missing", "slurm_cluster"]

_PROGRAMS = ("munged", "munge", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "squeue")
_SECONDS = 120  # for a daemon to answer, which takes two
_PATH = f"{os.environ['PATH']}:/usr/sbin"


def missing() -> list[str]:
    """Returns what SLURM needs and this machine lacks."""
    found = [program for program in _PROGRAMS if shutil.which(program, path=_PATH) is None]
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        found.append(f"name of the user {os.getuid()}")
    # containers rarely allow it; earlier versions need none, later ones can be configured so
    if not found and (23, 11) <= _version() < (24, 5) and not os.access("/sys/fs/cgroup", os.W_OK):
        found.append("/sys/fs/cgroup that SLURM 23.11 may write to")
    return found


@contextmanager
def slurm_cluster() -> Iterator[dict[str, str]]:
    """Yields the environment for SLURM's commands on a new cluster of two idle nodes."""
    state = Path(tempfile.mkdtemp(prefix="hawc-slurm-"))
    environment = {**os.environ, "PATH": _PATH, "SLURM_CONF": str(_write_configuration(state))}
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, state, ignore_errors=True)
        for command, *question in _daemons(state):
            stack.callback(_end, _start(command, environment, state / "daemons.out"))
            _wait_for_answer(*question, environment, state)
        # processes of a failed test's job would outlive the daemons
        stack.callback(_kill_jobs, environment)
        yield environment


def _write_configuration(state: Path) -> Path:
    (state / "state").mkdir()
    for node in ("vm1", "vm2"):
        (state / f"spool.{node}").mkdir()
    (state / "munge.key").write_bytes(os.urandom(128))
    (state / "munge.key").chmod(0o400)
    state.chmod(0o755)
    values = {
        "STATE": str(state),
        "HOST": platform.node().partition(".")[0],
        "USER": pwd.getpwuid(os.getuid()).pw_name,
        **{f"PORT{i}": str(port) for i, port in enumerate(free_ports(3))},
        "FIRST_JOB": str(_first_job()),
    }
    text = Path(__file__).with_name("slurm.conf.in").read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    file = state / "slurm.conf"
    file.write_text(text)
    if _version() >= (24, 5):
        file.with_name("cgroup.conf").write_text("CgroupPlugin=disabled\n")
    return file


def _version() -> tuple[int, ...]:
    said = subprocess.check_output(["slurmd", "-V"], env={**os.environ, "PATH": _PATH}, text=True)
    return tuple(map(int, said.split()[-1].split(".")[:2]))  # of "slurm-wlm 22.05.8"


def _first_job() -> int:
    """Returns the number of a first job, so that processes of four jobs find their ports free.

    Lightning lets those of a job meet at 15000 plus its number.
    """
    for first in random.SystemRandom().sample(range(1, 5000), 1000):
        if all(is_free(15_000 + first + job) for job in range(4)):
            return first
    raise RuntimeError("no free ports in a row")


def _daemons(state: Path) -> Iterator[tuple[list[str], list[str], str]]:
    """Yields each daemon, a question, and what the answer matches once the next one may start."""
    files = {"key-file": "munge.key", "socket": "munge.socket", "log-file": "munge.log"}
    files |= {"pid-file": "munge.pid", "seed-file": "munge.seed"}
    options = [f"--{name}={state / file}" for name, file in files.items()]
    encode = ["munge", f"--socket={state / files['socket']}", "--no-input"]
    yield ["munged", "--foreground", "--force", *options], encode, "MUNGE:"
    yield ["slurmctld", "-D"], ["scontrol", "ping"], "is UP"
    nodes = ["sinfo", "-h", "-o", "%D %T"]
    yield ["slurmd", "-N", "vm1", "-D"], nodes, "^1 idle$"
    yield ["slurmd", "-N", "vm2", "-D"], nodes, "^2 idle$"


def _start(
    command: list[str], environment: dict[str, str], output: Path
) -> subprocess.Popen[bytes]:
    with output.open("ab") as file:
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _kill_jobs(environment: dict[str, str]) -> None:
    for job in subprocess.check_output(["squeue", "-h", "-o", "%A"], env=environment).split():
        subprocess.run(["scancel", "--full", "--signal=KILL", job], env=environment)


def _wait_for_answer(
    question: list[str], expected: str, environment: dict[str, str], state: Path
) -> None:
    said, until = "", time.monotonic() + _SECONDS
    while time.monotonic() < until:
        asked = subprocess.run(question, env=environment, capture_output=True, text=True)
        said = asked.stdout + asked.stderr
        if re.search(expected, said, re.MULTILINE):
            return
        time.sleep(0.2)
    files = [*state.glob("*.log"), state / "daemons.out"]
    logs = "\n".join(file.read_text()[-2000:] for file in files)
    raise RuntimeError(f"{question} did not say {expected!r}: {said}\n{logs}")
