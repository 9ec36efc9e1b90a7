"""Ctrl-C while the program is imported, and while a run starts."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, ROOT / "train.py", "--config", ROOT / "configs/gan_8_gaussians.yaml")


def imports_torch(process: subprocess.Popen[str], out: Path) -> bool:
    return "libtorch_cpu" in Path(f"/proc/{process.pid}/maps").read_text()


def starts(process: subprocess.Popen[str], out: Path) -> bool:
    return "run folder:" in out.read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("is_due", [imports_torch, starts])
def test_ctrl_c_is_one_line(
    is_due: Callable[[subprocess.Popen[str], Path], bool], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with out.open("w") as stdout:
        process = subprocess.Popen(
            COMMAND,
            cwd=tmp_path,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "WANDB_MODE": "disabled"},
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            # where a shell has started the tests in the background, they ignore Ctrl-C
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
    while not is_due(process, out):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in said
    assert said.splitlines()[-1] == "train.py: error: interrupted."
