"""Metrics of two processes with uneven shares equal those of one process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.metrics.sets import every_metric, numbers, real_and_fake

ROOT = Path(__file__).parent.parent.parent


def test_two_processes_equal_one(tmp_path: Path) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    subprocess.run(
        [sys.executable, str(Path(__file__).with_name("measure_two.py")), str(tmp_path)],
        env=environment,
        check=True,
        timeout=200,
        cwd=tmp_path,
    )
    first, second = (json.loads((tmp_path / f"rank-{rank}.json").read_text()) for rank in (0, 1))
    assert first == second
    real, fake = real_and_fake()
    for i, metric in enumerate(every_metric()):
        metric.update(real, real=True)
        metric.update(fake, real=False)
        # sums of float64 in another order
        expected = pytest.approx(numbers(metric), rel=1e-11, abs=1e-13)
        assert first["uneven"][i] == expected, type(metric)
        assert first["one_sided"][i] == expected, type(metric)
