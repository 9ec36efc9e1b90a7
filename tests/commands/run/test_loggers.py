"""Loggers of a run: W&B's variables are kept, no key means offline, restarts append."""

import os
from pathlib import Path
from typing import Any

import pytest
import wandb
from jsonargparse import Namespace
from lightning.pytorch.loggers import CSVLogger, WandbLogger

from commands.errors import UsageError
from commands.run.cluster_job import ClusterJob
from commands.run.loggers import (
    RunLoggers,
    as_list,
    continue_metrics,
    settle_wandb_mode,
    wandb_run_id,
)

JOB = ClusterJob("slurm-41", 0, 1, 1, "slurm here 41")


def loggers(folder: Path, job: ClusterJob | None = None, is_restart: bool = False) -> RunLoggers:
    return RunLoggers(folder, "exp", job, is_restart, is_silent=True)


def asked_of_wandb(folder: Path, **options: Any) -> dict[str, Any]:
    """Returns what the default logger would ask `wandb.init` for; the name is private."""
    (_, logger) = loggers(folder, **options).make(None)
    assert isinstance(logger, WandbLogger)
    return dict(logger._wandb_init)


def test_without_variables_all_is_the_runs(tmp_path: Path) -> None:
    asked = asked_of_wandb(tmp_path)
    assert (asked["name"], asked["project"]) == (f"exp/{tmp_path.name}", "hawc")
    assert (asked["dir"], asked["id"], asked["resume"]) == (str(tmp_path), None, "allow")


def test_lightning_still_hands_wandb_a_setting_that_it_warns_of(tmp_path: Path) -> None:
    """Where it does not any more, the default logger need not take it away."""
    assert "anonymous" in WandbLogger(offline=True)._wandb_init
    assert "anonymous" not in asked_of_wandb(tmp_path)


def test_variables_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = {"NAME": "mine", "DIR": "there", "RUN_ID": "abc", "PROJECT": "p", "RESUME": "must"}
    for name, value in named.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    monkeypatch.chdir(tmp_path)
    asked = asked_of_wandb(tmp_path / "run")
    assert (asked["project"], asked["resume"]) == ("p", "must")
    assert asked["dir"] == str(tmp_path / "there")
    assert (asked["name"], asked["id"]) == (None, None)  # so W&B takes the variables
    assert not {"entity", "group", "tags", "mode", "notes"} & asked.keys()


def test_a_configured_logger_gets_the_same_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def completed(save_dir: str) -> str:
        logger = Namespace(
            class_path="lightning.pytorch.loggers.WandbLogger",
            init_args=Namespace(save_dir=save_dir, id=None),
        )
        loggers(tmp_path).complete([logger])
        return str(logger.init_args.save_dir)

    assert completed(".") == str(tmp_path)
    assert completed("elsewhere") == "elsewhere"
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "there"))
    assert completed(".") == str(tmp_path / "there")


def test_a_job_goes_on_with_its_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wandb" / "offline-run-20260101_000000-abc12345").mkdir(parents=True)
    assert asked_of_wandb(tmp_path, job=JOB)["id"] is None
    assert asked_of_wandb(tmp_path, job=JOB, is_restart=True)["id"] == "abc12345"
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "there"))  # where runs of others are too
    first = asked_of_wandb(tmp_path, job=JOB)["id"]
    assert first == asked_of_wandb(tmp_path, job=JOB, is_restart=True)["id"]
    other = ClusterJob("slurm-42", 0, 1, 1, "slurm here 42")
    assert first != asked_of_wandb(tmp_path, job=other)["id"]
    assert asked_of_wandb(tmp_path)["id"] is None
    monkeypatch.setenv("WANDB_RUN_ID", "mine")
    assert asked_of_wandb(tmp_path, job=JOB)["id"] is None


def test_metrics_are_written_before_all_else(tmp_path: Path) -> None:
    own = CSVLogger(tmp_path, name="mine")
    assert [type(x) for x in loggers(tmp_path).make(True)] == [CSVLogger, WandbLogger]
    assert loggers(tmp_path).make([own]) == [own]
    first, second = loggers(tmp_path).make(WandbLogger(save_dir=tmp_path))
    assert isinstance(first, CSVLogger)
    assert Path(first.log_dir) == tmp_path
    assert isinstance(second, WandbLogger)


@pytest.mark.parametrize(
    ("value", "expected"), [(None, []), (True, []), ("a", ["a"]), (["a", "b"], ["a", "b"])]
)
def test_as_list(value: Any, expected: list[Any]) -> None:
    assert as_list(value) == expected


@pytest.fixture
def no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The netrc file, which does not exist, in an environment without a key and a mode."""
    for name in ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_MODE", "")
    netrc = tmp_path / "netrc"
    monkeypatch.setenv("NETRC", str(netrc))
    return netrc


def test_offline_without_a_key(no_key: Path) -> None:
    notice = settle_wandb_mode()
    assert notice is not None
    assert "\n" not in notice
    assert "wandb login" in notice
    assert os.environ["WANDB_MODE"] == "offline"


@pytest.mark.parametrize("mode", ["online", "offline", "disabled"])
def test_a_chosen_mode_stays(mode: str, no_key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", mode)
    assert settle_wandb_mode() is None
    assert os.environ["WANDB_MODE"] == mode


def test_an_unknown_mode_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "nonsense")
    with pytest.raises(UsageError, match=r"WANDB_MODE must be online, .* got 'nonsense'"):
        settle_wandb_mode()


def test_a_key_in_the_environment_means_online(
    no_key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    assert settle_wandb_mode() is None
    assert os.environ["WANDB_MODE"] == ""


def test_a_key_in_netrc_means_online(no_key: Path) -> None:
    host = wandb.Settings().base_url.split("//")[1]
    no_key.write_text(f"machine {host}\n login user\n password {'x' * 40}\n")
    assert settle_wandb_mode() is None


@pytest.mark.parametrize("content", ["machine elsewhere login a password b\n", "machine {{{\n b\n"])
def test_other_or_broken_netrc_means_offline(no_key: Path, content: str) -> None:
    no_key.write_text(content)
    assert settle_wandb_mode() is not None


def test_the_wandb_run_is_found_by_its_files(tmp_path: Path) -> None:
    assert wandb_run_id(tmp_path) is None
    for name in ("offline-run-20260101_000000-abc12345", "latest-run"):
        (tmp_path / "wandb" / name).mkdir(parents=True)
    assert wandb_run_id(tmp_path) == "abc12345"


@pytest.mark.parametrize("run_id", ["abc12345", "my-run", "run-2-b"])
@pytest.mark.parametrize("prefix", ["run", "offline-run"])
def test_the_wandb_run_may_be_online_and_named_by_the_user(
    prefix: str, run_id: str, tmp_path: Path
) -> None:
    (tmp_path / "wandb" / f"{prefix}-20260101_000000-{run_id}").mkdir(parents=True)
    assert wandb_run_id(tmp_path) == run_id


@pytest.mark.filterwarnings("ignore:Experiment logs directory")
def test_a_restart_appends_to_metrics_csv(tmp_path: Path) -> None:
    first, second, third = (CSVLogger(tmp_path, name="", version="") for _ in range(3))
    continue_metrics(first)
    first.log_metrics({"loss": 2.0}, step=1)
    first.save()
    continue_metrics(second)
    second.log_metrics({"loss": 1.0, "val": 3.0}, step=2)
    second.save()
    continue_metrics(third)
    third.log_metrics({"loss": 0.5}, step=3)
    third.save()
    lines = (tmp_path / "metrics.csv").read_text().split()
    assert lines == ["loss,step,val", "2.0,1,", "1.0,2,3.0", "0.5,3,"]
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.csv"]


@pytest.mark.filterwarnings("ignore:Experiment logs directory")
@pytest.mark.parametrize("name", ["metrics.csv", "metrics.kept"])
def test_metrics_of_a_killed_process_are_kept(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("loss,step\n2.0,1\n1.")  # in a line, and between two names
    logger = CSVLogger(tmp_path, name="", version="")
    continue_metrics(logger)
    logger.log_metrics({"loss": 0.5}, step=2)
    logger.save()
    assert (tmp_path / "metrics.csv").read_text().split() == ["loss,step", "2.0,1", "0.5,2"]
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.csv"]
