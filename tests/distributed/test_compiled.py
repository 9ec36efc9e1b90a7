"""Two processes with compiled networks do what two processes without do."""

from pathlib import Path

import pytest
import torch

from tests.distributed.test_ddp import start
from tests.helpers import same_weights


@pytest.mark.timeout(600)
def test_compiled_networks_in_two_processes(tmp_path: Path) -> None:
    start("compile_two.py", folder=tmp_path)
    first, second = (torch.load(tmp_path / f"rank-{rank}.pt") for rank in (0, 1))
    assert same_weights(first["compiled"], second["compiled"])
    assert same_weights(first["compiled"], first["plain"])
    assert 1 <= first["compilations"] == second["compilations"] <= 2 * 3 * 2
