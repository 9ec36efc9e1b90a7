"""Kept memory and the profiler save work; HAWC_PERFORMANCE=off disables them and the bar."""

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from lightning import Trainer
from lightning.pytorch.profilers import PassThroughProfiler, Profiler
from torch import nn

import train
from callbacks.base.progress_bar import PacedProgressBar
from commands import performance
from commands.experiment import ExperimentCLI
from commands.performance import NoProfiler
from lightning_modules.base import runtime
from tests.helpers import tiny_wgan
from tests.integration.test_job_restarts import EXPERIMENT

COUNT_FAULTS = """
import resource, torch
from commands.performance import keep_freed_memory
done = keep_freed_memory()
def use():
    for _ in range(50):
        torch.ones(2**20)  # 4 MiB, 1,024 pages
use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
use()
print(done, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(**variables: str) -> tuple[str, int]:
    """Returns what `keep_freed_memory` returned and the page faults of 50 tensors."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    result = subprocess.run(
        [sys.executable, "-c", COUNT_FAULTS],
        **{"env": clean | variables, "capture_output": True, "text": True, "check": True},
    )
    returned, count = result.stdout.split()
    return returned, int(count)


@pytest.mark.integration
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_freed_memory_is_kept_unless_the_environment_configures_the_c_library() -> None:
    returned, kept = faults()
    assert returned == "True"
    assert kept < 100
    # with the variable glibc no longer raises the threshold to the size of what was freed
    returned, returned_to_system = faults(MALLOC_MMAP_THRESHOLD_=str(2**20))
    assert returned == "False"
    assert returned_to_system > 10_000


@pytest.fixture
def without_malloc_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("MALLOC_")]:
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("without_malloc_variables")
def test_other_c_libraries_are_not_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(performance.ctypes, "CDLL", lambda name: object())
    assert not performance.keep_freed_memory()


def test_the_measures_of_models_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "_IS_FAST", False)  # read from HAWC_PERFORMANCE at import
    monkeypatch.setenv("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    runtime.stop_driver_checks()
    assert os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] == "1"
    model, searched = tiny_wgan(), []
    monkeypatch.setattr(nn.Module, "__setattr__", lambda _, name, value: searched.append(name))
    model.critic_step = 1
    assert searched == ["critic_step"]


@pytest.mark.usefixtures("without_malloc_variables")
def test_one_variable_switches_everything_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parts() -> set[type]:
        train.main(["--config", "tiny.yaml", "--trainer.enable_progress_bar", "true"])
        trainer = trainers.pop()
        return {type(trainer.profiler), *map(type, trainer.callbacks)}

    def remember(self: ExperimentCLI, **_: Any) -> None:
        trainers.append(self.trainer)

    trainers: list[Trainer] = []
    calls: list[tuple[int, int]] = []
    monkeypatch.setattr(ExperimentCLI, "fit", remember)
    monkeypatch.setattr(
        performance.ctypes, "CDLL", lambda name: type("C", (), {"mallopt": log_call(calls)})
    )
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(yaml.safe_dump(EXPERIMENT))
    assert parts() >= {NoProfiler, PacedProgressBar}
    assert len(calls) == 2
    monkeypatch.setenv("HAWC_PERFORMANCE", "off")
    assert not parts() & {NoProfiler, PacedProgressBar}
    assert len(calls) == 2


def log_call(calls: list[tuple[int, int]]) -> Any:
    """Returns a function that stands for the C library's `mallopt` and succeeds."""

    def mallopt(option: int, value: int) -> int:
        calls.append((option, value))
        return 1

    return staticmethod(mallopt)


def test_contexts_may_be_nested_and_entered_again() -> None:
    profiler = NoProfiler()
    with profiler.profile("outer"), profiler.profile("inner"):
        pass
    with profiler.profile("again"):
        pass


def test_lightnings_profiler_still_creates_a_generator_for_each_action() -> None:
    assert isinstance(NoProfiler(), PassThroughProfiler)
    assert NoProfiler.profile is not Profiler.profile
    assert PassThroughProfiler.profile is Profiler.profile  # otherwise NoProfiler is not needed
