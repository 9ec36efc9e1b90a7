"""What a job that starts again finds in its run folder."""

from pathlib import Path

import pytest
from lightning.pytorch.loggers import CSVLogger

from commands.run.restart import continue_metrics, wandb_run_id


def test_the_run_of_wandb_is_the_one_whose_files_are_there(tmp_path: Path) -> None:
    assert wandb_run_id(tmp_path) is None
    for name in ("offline-run-20260101_000000-abc12345", "latest-run"):
        (tmp_path / "wandb" / name).mkdir(parents=True)
    assert wandb_run_id(tmp_path) == "abc12345"


@pytest.mark.parametrize("run_id", ["abc12345", "my-run", "run-2-b"])
@pytest.mark.parametrize("prefix", ["run", "offline-run"])
def test_the_run_of_wandb_may_be_online_and_named_by_the_user(
    prefix: str, run_id: str, tmp_path: Path
) -> None:
    (tmp_path / "wandb" / f"{prefix}-20260101_000000-{run_id}").mkdir(parents=True)
    assert wandb_run_id(tmp_path) == run_id


@pytest.mark.filterwarnings("ignore:Experiment logs directory")
def test_metrics_go_on_in_one_file(tmp_path: Path) -> None:
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
def test_metrics_of_a_process_that_was_killed(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("loss,step\n2.0,1\n1.")  # in a line, and between two names
    logger = CSVLogger(tmp_path, name="", version="")
    continue_metrics(logger)
    logger.log_metrics({"loss": 0.5}, step=2)
    logger.save()
    assert (tmp_path / "metrics.csv").read_text().split() == ["loss,step", "2.0,1", "0.5,2"]
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.csv"]
