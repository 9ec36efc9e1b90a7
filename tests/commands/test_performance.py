import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.profilers import PassThroughProfiler, Profiler

from commands import performance as kept_memory
from commands import performance as paced_progress_bar
from commands.performance import NoProfiler, PacedProgressBar
from tests.helpers import TinyImages, quiet_trainer, tiny_energy_vae, tiny_wgan

COUNT_FAULTS = """
import resource, sys, torch
from commands.performance import keep_freed_memory
done = keep_freed_memory() if sys.argv[1] == "keep" else None
def use():
    for _ in range(50):
        torch.ones(2**20)  # 4 MiB, 1,024 pages
use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
use()
print(done, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(word: str, **variables: str) -> tuple[str, int]:
    """Returns what was said and the page faults of 50 tensors in a process of its own."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    command = [sys.executable, "-c", COUNT_FAULTS, word]
    result = subprocess.run(
        command, env=clean | variables, capture_output=True, text=True, check=True
    )
    said, count = result.stdout.split()
    return said, int(count)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_memory_is_asked_for_once() -> None:
    # glibc moves its own threshold up to what was freed, but trims what lies on top of the heap
    _, without = faults("leave", MALLOC_MMAP_THRESHOLD_=str(2**20))
    said, kept = faults("keep")
    assert said == "True"
    assert kept < 100 < 10_000 < without


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_the_environment_has_precedence() -> None:
    said, count = faults("keep", MALLOC_MMAP_THRESHOLD_=str(2**20))
    assert said == "False"
    assert count > 10_000


def test_other_c_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("MALLOC_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(kept_memory.ctypes, "CDLL", lambda name: object())
    assert not kept_memory.keep_freed_memory()


def test_contexts_may_be_nested_and_entered_again() -> None:
    profiler = NoProfiler()
    with profiler.profile("outer"), profiler.profile("inner"):
        pass
    with profiler.profile("again"):
        pass


def test_it_takes_the_place_of_lightning_s() -> None:
    assert isinstance(NoProfiler(), PassThroughProfiler)
    assert NoProfiler.profile is not Profiler.profile
    assert PassThroughProfiler.profile is Profiler.profile  # else this class is needless


class Clock:
    """Lets the same time pass between any two looks at it."""

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

    monkeypatch.setattr(paced_progress_bar, "time", Clock(seconds))
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
    """Trains with a clock that passes a second for every batch, and keeps what the bar showed."""

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

        self._patch.setattr(paced_progress_bar, "time", Seconds())
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


def test_the_loggers_number_takes_no_place(watched: Watched, tmp_path: Path) -> None:
    shown = watched.fit(tiny_energy_vae(), logger=CSVLogger(tmp_path))
    assert "steps/s" in shown[-1]
    assert "v_num" not in shown[-1]


def test_a_resumed_run_counts_its_own_part(watched: Watched, tmp_path: Path) -> None:
    watched.fit(tiny_energy_vae())
    shown = watched.fit(tiny_energy_vae(), tmp_path / "step=2.ckpt")
    assert left(shown) == [f"0:00:0{seconds}" for seconds in (3, 2, 1, 0)]
    assert {metrics["steps/s"] for metrics in shown} == {"1.0"}
