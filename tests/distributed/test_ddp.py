"""Two processes: the same weights on both, other noise on each, one set of pictures."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
AUTOENCODERS = ("energy_vae", "vae")
pytestmark = pytest.mark.ddp


@pytest.mark.parametrize("model", ["energy_vae", "vae", "wgan", "sngan"])
def test_two_processes_agree(model: str, tmp_path: Path) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    subprocess.run(
        [sys.executable, str(Path(__file__).with_name("train_two.py")), model, str(tmp_path)],
        env=environment,
        check=True,
        timeout=200,
        cwd=tmp_path,
    )
    first, second = (json.loads((tmp_path / f"rank-{rank}.json").read_text()) for rank in (0, 1))
    assert first["weights"] == second["weights"]
    assert first["history"] == second["history"]
    assert first["num_history"] == 8
    assert first["noise"] != second["noise"]
    assert not set(first["labels"]) & set(second["labels"])
    pictures = {path.name for path in (tmp_path / "pictures").iterdir()}
    assert {"epoch-0001-new.png", "epoch-0002-new.png", "gallery.png"} <= pictures
    assert "loss-curves.png" in pictures
    assert first["codes"] == second["codes"]
    assert first["average"] == second["average"]
    assert bool(first["average"]) == (model not in AUTOENCODERS)
    if model in AUTOENCODERS:
        assert first["num_codes"] == 8  # of both processes: a tenth of 80 is held out
        assert {"epoch-0002-reconstructions.png", "epoch-0002-latent-codes.png"} <= pictures
