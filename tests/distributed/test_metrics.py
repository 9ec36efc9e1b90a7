"""Two processes with uneven shares measure what one with all pictures does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.metrics.sets import every_metric, numbers, real_and_fake

ROOT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.ddp


@pytest.mark.parametrize("case", ["uneven", "one_sided"])
def test_two_processes_measure_what_one_does(case: str, tmp_path: Path) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    subprocess.run(
        [sys.executable, str(Path(__file__).with_name("measure_two.py")), case, str(tmp_path)],
        env=environment,
        check=True,
        timeout=120,
        cwd=tmp_path,
    )
    first, second = (json.loads((tmp_path / f"rank-{rank}.json").read_text()) for rank in (0, 1))
    assert first == second
    real, fake = real_and_fake()
    for metric, found in zip(every_metric(), first, strict=True):
        metric.update(real, real=True)
        metric.update(fake, real=False)
        # sums of float64 in another order
        assert found == pytest.approx(numbers(metric), rel=1e-11, abs=1e-13), type(metric)
