"""Kept memory, the profiler and the progress bar save work; HAWC_PERFORMANCE=off disables them."""

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.profilers import PassThroughProfiler, Profiler
from torch import nn

import train
from commands import performance
from commands.experiment import ExperimentCLI
from commands.performance import NoProfiler, PacedProgressBar
from lightning_modules.base import runtime
from tests.helpers import TinyImages, quiet_trainer, tiny_energy_vae, tiny_wgan
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


class Clock:
    """Advances by the same time at each reading."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._now = seconds, 10.0

    def monotonic(self) -> float:
        self._now += self._seconds
        return self._now


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.2, [1, 4, 6]),  # due after 0.5 s, and with the last batch
        (0.6, [1, 2, 3, 4, 5, 6]),
    ],
)
def test_shows_two_batches_a_second_and_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, shown: list[int]
) -> None:
    batches: list[int] = []

    def update(self: RichProgressBar, bar: object, current: int, **_: object) -> None:
        batches.append(current)

    monkeypatch.setattr(performance, "time", Clock(seconds))
    monkeypatch.setattr(RichProgressBar, "_update", update)
    monkeypatch.setattr(RichProgressBar, "_update_metrics", lambda *_, **__: None)
    bar = PacedProgressBar()
    trainer = quiet_trainer(
        tmp_path, callbacks=[bar], enable_progress_bar=True, limit_val_batches=0
    )
    trainer.fit(tiny_energy_vae(), TinyImages(batch_size=12))
    assert batches == shown
    assert bar.refresh_rate == 2


class Watched:
    """Trains with a clock of one second a batch, and records what the bar shows."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._patch = folder, monkeypatch

    def fit(
        self, model: LightningModule, start: Path | None = None, **arguments: Any
    ) -> list[dict[str, Any]]:
        shown: list[dict[str, Any]] = []
        bar = PacedProgressBar()
        now = [100.0]

        class Seconds:
            def monotonic(self) -> float:
                return now[0]

        def show(
            self: object, trainer: Trainer, module: LightningModule, *_: Any, **__: Any
        ) -> None:
            shown.append(bar.get_metrics(trainer, module))

        class Tick(ModelCheckpoint):
            def on_train_batch_start(self, *_: Any) -> None:
                now[0] += 1

        self._patch.setattr(performance, "time", Seconds())
        self._patch.setattr(RichProgressBar, "_update_metrics", show)
        save = Tick(self._folder, every_n_train_steps=1, save_top_k=-1, filename="{step}")
        trainer = quiet_trainer(
            self._folder,
            **{"callbacks": [bar, save], "enable_progress_bar": True, "limit_val_batches": 0},
            **{"enable_checkpointing": True, "max_epochs": 2, **arguments},
        )
        trainer.fit(model, TinyImages(batch_size=24), ckpt_path=start and str(start))
        return shown


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(tmp_path, monkeypatch)


def left(shown: list[dict[str, Any]]) -> list[str]:
    """Returns the time left as it changes from batch to batch."""
    return list(dict.fromkeys(metrics["left"] for metrics in shown))


def test_time_left_by_epochs(watched: Watched) -> None:
    shown = watched.fit(tiny_energy_vae())
    assert left(shown) == [f"0:00:0{seconds}" for seconds in (5, 4, 3, 2, 1, 0)]
    assert {metrics["steps/s"] for metrics in shown} == {"1.0"}
    assert not {"critic", "generator"} & shown[0].keys()


def test_time_left_by_steps_and_without_an_end(watched: Watched) -> None:
    shown = watched.fit(tiny_energy_vae(), max_steps=4, max_epochs=-1)
    assert left(shown) == [f"0:00:0{seconds}" for seconds in (3, 2, 1, 0)]
    sooner = watched.fit(tiny_energy_vae(), max_steps=4)
    assert left(sooner) == left(shown)
    endless = watched.fit(tiny_energy_vae(), max_epochs=-1, max_time={"seconds": 0})
    assert all("left" not in metrics for metrics in endless)


def test_steps_of_both_networks(watched: Watched) -> None:
    shown = watched.fit(tiny_wgan(n_critic=2))
    assert [shown[-1][name] for name in ("critic", "generator")] == ["6", "3"]
    assert shown[-1]["steps/s"] == "1.5"  # nine in six seconds


def test_the_loggers_version_is_not_shown(watched: Watched, tmp_path: Path) -> None:
    shown = watched.fit(tiny_energy_vae(), logger=CSVLogger(tmp_path))
    assert "steps/s" in shown[-1]
    assert "v_num" not in shown[-1]


def test_a_resumed_run_counts_only_its_steps(watched: Watched, tmp_path: Path) -> None:
    watched.fit(tiny_energy_vae())
    shown = watched.fit(tiny_energy_vae(), tmp_path / "step=2.ckpt")
    assert left(shown) == [f"0:00:0{seconds}" for seconds in (3, 2, 1, 0)]
    assert {metrics["steps/s"] for metrics in shown} == {"1.0"}
