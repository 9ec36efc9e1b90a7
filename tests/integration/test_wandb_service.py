"""W&B's service, a separate process, when a job gets SIGTERM."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STOPPED = """
import os, signal, subprocess, time
import wandb
from commands.main import _end_wandb
wandb.init(mode="offline").log({"loss": 1.0})
wandb.finish()
children = subprocess.run(["pgrep", "-P", str(os.getpid())], capture_output=True, text=True)
(service,) = children.stdout.split()
os.kill(int(service), signal.SIGTERM)
time.sleep(0.5)
_end_wandb()
"""


@pytest.mark.skipif(shutil.which("pgrep") is None, reason="no pgrep")
def test_a_service_that_gets_sigterm_leaves_no_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STOPPED],
        env={**os.environ, "PYTHONPATH": str(ROOT), "WANDB_DIR": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
