"""How the command line ends: by one line, by a traceback, or back in the queue."""

import itertools
import re
import signal
import sys
import threading
import time
import warnings
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import wandb
from lightning import Callback, LightningDataModule, LightningModule, Trainer
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import EarlyStopping, LearningRateMonitor, ModelCheckpoint
from torch.optim import LBFGS

from callbacks.preemption import Preempted
from commands import main
from commands.errors import UsageError
from tests.commands.broken import Broken, fail_with
from tests.helpers import TinyImages, quiet_trainer, scaled_precision, tiny_vae

Patch, Capture = pytest.MonkeyPatch, pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("command", "message"),
    [("test", r"an experiment is required, e\.g\."), ("export", "`export` needs a run's folder")],
)
def test_a_command_without_arguments(command: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        main._with_command([command])


class UncountedImages(TinyImages):
    """Serves its batches by an iterator without a length."""

    def train_dataloader(self) -> Any:
        return itertools.chain(super().train_dataloader())


def train_instead(
    monkeypatch: pytest.MonkeyPatch, folder: Path, data: LightningDataModule, **options: Any
) -> None:
    """Replaces the experiment by the training of a small model, without checks."""
    trainer = quiet_trainer(folder, **{"enable_checkpointing": True, **options})
    model = tiny_vae(optimizer=partial(LBFGS, lr=0.1)) if "plugins" in options else tiny_vae()
    monkeypatch.setattr(sys, "argv", ["train.py", "fit", "--model", "VAE"])
    monkeypatch.setattr(main, "ExperimentCLI", lambda: trainer.fit(model, datamodule=data))


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"callbacks": [EarlyStopping(monitor="x")]}, "Early stopping .* `x` which is not availab"),
        ({"callbacks": [ModelCheckpoint(monitor="x")]}, r"`ModelCheckpoint\(monitor='x'\)` could "),
        ({"callbacks": [LearningRateMonitor()]}, "Cannot use `LearningRateMonitor` callback with "),
        ({"limit_val_batches": 0.01}, "You requested to check 0.01 of the `val_dataloader` but "),
        (
            {"val_check_interval": 100},
            r"`val_check_interval` \(100\) must be less than or equal",
        ),
        ({"val_check_interval": 0.5}, "When using an IterableDataset for `train_dataloader`, "),
        ({"plugins": [scaled_precision(1.0)]}, "AMP and the LBFGS optimizer are not compatible"),
    ],
)
def test_options_that_lightning_refuses_late_are_one_line(
    options: dict[str, Any],
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kind = UncountedImages if options == {"val_check_interval": 0.5} else TinyImages
    train_instead(monkeypatch, tmp_path, kind(batch_size=24), **options)
    capsys.readouterr()
    fail_with(status=1)
    (said,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("train.py: error")]
    assert re.match(f"train.py: error: {line}", said)


class LogsTooLate(Callback):
    """Logs in a hook in which Lightning allows no logging."""

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        pl_module.log("x", 1.0)


def test_a_hook_that_lightning_refuses_keeps_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_instead(monkeypatch, tmp_path, TinyImages(batch_size=24), callbacks=[LogsTooLate()])
    with pytest.raises(MisconfigurationException, match=r"You can't `self\.log\(\)` inside"):
        main.run()


@pytest.mark.parametrize(
    "error", [RuntimeError("shapes"), OSError("truncated"), FileNotFoundError(2, "No", "a.csv")]
)
def test_a_possible_bug_keeps_its_traceback(broken: type[Broken], error: Exception) -> None:
    broken.error = error
    with pytest.raises(type(error)):
        main.run()


@pytest.mark.parametrize("error", [wandb.errors.CommError("x"), wandb.errors.UsageError("x")])
@pytest.mark.parametrize(
    ("mode", "advice"),
    [("online", "=offline to log without a"), ("offline", "WANDB_MODE=disabled")],
)
def test_wandb_out_of_reach(
    broken: type[Broken],
    error: Exception,
    mode: str,
    advice: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WANDB_MODE", mode)
    broken.error = error
    fail_with(status=2)
    assert advice in capsys.readouterr().err


def test_a_lost_process(
    broken: type[Broken], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    broken.error = RuntimeError("[gloo/transport/tcp/pair.cc:545] Connection reset by peer")
    fail_with(status=1)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("train.py: error: another process of this run is gone: killed, out of")


def in_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SLURM_JOB_ID": "41", "SLURM_NTASKS": "1", "SLURM_JOB_NAME": "x"}.items():
        monkeypatch.setenv(name, value)


def test_a_run_that_was_stopped_by_a_signal_ends_with_status_0(broken: type[Broken]) -> None:
    broken.error = Preempted(Path("last.ckpt"), wants_requeue=True)  # outside of SLURM
    main.run()


@pytest.mark.parametrize("wants_requeue", [True, False])
def test_a_job_whose_time_is_over_is_queued_again(
    wants_requeue: bool, broken: type[Broken], monkeypatch: Patch, capsys: Capture
) -> None:
    said: list[str] = []
    monkeypatch.setattr(main, "requeue", lambda: said.append(capsys.readouterr().out))
    in_slurm(monkeypatch)
    broken.error = Preempted(Path("last.ckpt"), wants_requeue)
    main.run()
    assert len(said) == int(wants_requeue)
    assert all("time is nearly over: the job returns to the queue" in text for text in said)
    assert capsys.readouterr().out == ""  # SLURM ends the process within the call


def test_a_job_is_queued_again_even_if_an_upload_hangs(
    broken: type[Broken], monkeypatch: pytest.MonkeyPatch
) -> None:
    is_queued, seen = threading.Event(), []

    def finish() -> None:
        is_queued.wait(60)

    def requeue() -> None:
        seen.append([signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)])
        is_queued.set()

    in_slurm(monkeypatch)
    monkeypatch.setattr(wandb, "run", object())
    monkeypatch.setattr(wandb, "finish", finish)
    monkeypatch.setattr(main, "_UPLOAD_SECONDS", 0.1)
    monkeypatch.setattr(main, "requeue", requeue)
    broken.error = Preempted(Path("last.ckpt"), wants_requeue=True)
    started = time.monotonic()
    main.run()
    assert (
        time.monotonic() - started < 30
    )  # the upload has waited for the requeue, not the requeue for the upload
    assert seen == [[signal.SIG_IGN, signal.SIG_IGN]]


@pytest.mark.parametrize(("job", "meaning"), [("41", signal.SIG_IGN), (None, signal.SIG_DFL)])
def test_sigusr1_ends_no_command_of_a_job(
    job: str | None, meaning: signal.Handlers, broken: type[Broken], monkeypatch: pytest.MonkeyPatch
) -> None:
    signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    if job is not None:
        in_slurm(monkeypatch)
    monkeypatch.setattr(sys, "argv", ["train.py", "validate", "--model", "WGAN"])
    broken.error = Preempted(Path("last.ckpt"), wants_requeue=False)
    main.run()
    assert signal.getsignal(signal.SIGUSR1) == meaning


def test_torchrun_in_a_job_of_slurm_does_not_queue_it_again(
    broken: type[Broken], monkeypatch: pytest.MonkeyPatch
) -> None:
    in_slurm(monkeypatch)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "mine")
    monkeypatch.setattr(
        main, "requeue", lambda: pytest.fail("torchrun cannot continue in a run folder")
    )
    broken.error = Preempted(Path("last.ckpt"), wants_requeue=True)
    main.run()


def test_a_job_that_cannot_be_queued_again_says_so(
    broken: type[Broken], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(main, "requeue", lambda: "scontrol: No such file or directory")
    in_slurm(monkeypatch)
    broken.error = Preempted(Path("last.ckpt"), wants_requeue=True)
    fail_with(status=1)
    said = capsys.readouterr().err
    assert "could not be queued again (scontrol: No such file or directory); training was" in said
    assert "resume it from last.ckpt" in said


@pytest.mark.parametrize("error", [Preempted(Path("last.ckpt"), False), UsageError("no")])
def test_the_service_of_wandb_may_end_before_the_run(
    error: Exception, broken: type[Broken], monkeypatch: pytest.MonkeyPatch
) -> None:
    torn_down = []

    def finish() -> None:
        raise ConnectionResetError("Connection lost")

    monkeypatch.setattr(wandb, "run", object())
    monkeypatch.setattr(wandb, "finish", finish)
    monkeypatch.setattr(wandb, "teardown", lambda: torn_down.append(True))
    broken.error = error
    with pytest.raises(SystemExit) if isinstance(error, UsageError) else nullcontext():
        main.run()
    assert torn_down


def test_warnings_are_text_and_numbers_that_one_process_logs_for_all_cause_none() -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        main._quieten()
        for name in ("time/epoch_seconds", "sampling/distance", "val/loss"):
            warnings.warn(f"It is recommended to use `self.log('{name}', ...)`", stacklevel=1)
    assert [str(warning.message).split("'")[1] for warning in said] == ["val/loss"]
    assert r"'a\x1b.png'" in main._printable_warning("'a\x1b.png'", UserWarning, "x.py", 1)
