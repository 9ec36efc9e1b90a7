"""W&B's environment variables stand; what the user has not said is the run's."""

from pathlib import Path
from typing import Any

import pytest
from jsonargparse import Namespace
from lightning.pytorch.loggers import CSVLogger, WandbLogger

from commands.run.cluster_job import ClusterJob
from commands.run.loggers import RunLoggers, as_list

JOB = ClusterJob("slurm-41", 0, 1, 1, "slurm here 41")


def loggers(folder: Path, job: ClusterJob | None = None, goes_on: bool = False) -> RunLoggers:
    return RunLoggers(folder, "exp", job, goes_on, is_silent=True)


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
    assert asked_of_wandb(tmp_path, job=JOB, goes_on=True)["id"] == "abc12345"
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "there"))  # where runs of others are too
    first = asked_of_wandb(tmp_path, job=JOB)["id"]
    assert first == asked_of_wandb(tmp_path, job=JOB, goes_on=True)["id"]
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
