"""`python -m hawc` works without the packages of the training framework."""

import subprocess
import sys

FOREIGN = ("lightning", "torchvision", "wandb", "torchmetrics", "jsonargparse", "PIL", "omegaconf")


def test_help_needs_the_library_alone() -> None:
    program = (
        "import runpy, sys\n"
        f"sys.modules.update(dict.fromkeys({FOREIGN}))\n"  # an import of one would fail
        "sys.argv[1:] = ['gallery', '--help']\n"
        "runpy.run_module('hawc', run_name='__main__', alter_sys=True)"
    )
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "python -m hawc gallery list images.db" in result.stdout
