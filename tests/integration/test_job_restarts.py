"""Jobs that start again, by the command line: they continue only their own run."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import train

EXPERIMENT: dict[str, Any] = {
    "model": {
        "class_path": "VAE",
        "init_args": {
            "latent_dim": 2,
            "encoder": {"class_path": "networks.MLPEncoder", "init_args": {"widths": [16]}},
            "decoder": {"class_path": "networks.MLPDecoder", "init_args": {"widths": [16]}},
        },
    },
    "data": {"class_path": "tests.helpers.TinyImages", "init_args": {"batch_size": 24}},
    "trainer": {
        **{"accelerator": "cpu", "max_epochs": 2, "logger": False},
        **{"enable_progress_bar": False, "enable_model_summary": False},
    },
}
SLURM = {"SLURM_NTASKS": "1", "SLURM_JOB_ID": "41", "SLURM_JOB_NAME": "hawc"}
TORCHRUN = {
    **{"TORCHELASTIC_RUN_ID": "mine", "RANK": "0", "LOCAL_RANK": "0", "GROUP_RANK": "0"},
    **{"WORLD_SIZE": "1", "LOCAL_WORLD_SIZE": "1"},
}
RESTART = {"SLURM": "SLURM_RESTART_COUNT", "TORCHRUN": "TORCHELASTIC_RESTART_COUNT"}


@pytest.fixture(autouse=True)
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    Path("tiny.yaml").write_text(yaml.safe_dump(EXPERIMENT))


def run(*options: str, command: str = "fit", **variables: str) -> None:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in variables.items():
            environment.setenv(name, value)
        train.main([command, "--config", "tiny.yaml", *options])


@pytest.mark.parametrize("launcher", [SLURM, TORCHRUN], ids=["SLURM", "torchrun"])
def test_a_job_that_starts_again_continues_in_its_folder(
    launcher: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    run(**launcher)
    assert "starting from" not in capsys.readouterr().out
    run(**launcher, **dict.fromkeys(RESTART.values(), "1"))
    name = "slurm-41" if launcher is SLURM else "torchrun-mine"
    said = capsys.readouterr().out
    assert f"starting from: runs/tiny/{name}/checkpoints/last.ckpt" in said


@pytest.mark.parametrize("job", [{}, SLURM], ids=["no job", "SLURM"])
def test_a_finished_run_needs_higher_limits(
    job: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    run()
    [first] = Path("runs/tiny").iterdir()
    for restarts in ("0", "1"):  # the job itself has saved nothing before
        with pytest.raises(SystemExit) as ended:
            run("--ckpt_path", "last", **job, SLURM_RESTART_COUNT=restarts)
        assert ended.value.code == 2
        file = first / "checkpoints" / "last.ckpt"
        line = f"`trainer.max_epochs` must be above 2, the epochs in `ckpt_path` '{file}'"
        assert line in capsys.readouterr().err
    assert list(Path("runs/tiny").iterdir()) == [first]
    run("--ckpt_path", "last", "--trainer.max_epochs", "3", **job)
    assert len(list(Path("runs/tiny").iterdir())) == 2


@pytest.mark.parametrize("launcher", [SLURM, TORCHRUN], ids=["SLURM", "torchrun"])
def test_a_start_that_was_refused_is_refused_again(
    launcher: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    run("--run_folder", "strange")
    before = {path: path.stat().st_mtime_ns for path in Path("strange").rglob("*")}
    for restarts in ("0", "1"):
        with pytest.raises(SystemExit) as ended:
            run("--run_folder", "strange", **launcher, **dict.fromkeys(RESTART.values(), restarts))
        assert ended.value.code == 2
        assert "`run_folder` must be new or empty, got 'strange'" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in Path("strange").rglob("*")} == before


def test_a_run_id_of_torchrun_is_not_used_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    run(**TORCHRUN)
    another_agent = os.getppid() + 1
    monkeypatch.setattr("os.getppid", lambda: another_agent)
    for restarts in ("0", "1"):
        with pytest.raises(SystemExit):
            run(**TORCHRUN, TORCHELASTIC_RESTART_COUNT=restarts)


def test_runs_of_one_job_have_different_folders() -> None:
    job = {**SLURM, "SLURM_STEP_ID": "0"}
    run(**job)
    run(**{**job, "SLURM_STEP_ID": "1"})
    for run_id in ("abc", "def"):
        run(**job, WANDB_RUN_ID=run_id)
    names = {folder.name for folder in Path("runs/tiny").iterdir()}
    assert names == {"slurm-41", "slurm-41.1", "slurm-41-abc", "slurm-41-def"}


@pytest.mark.parametrize("command", ["validate", "test"])
def test_a_validation_that_starts_again_is_repeated(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    job = {**SLURM, "SLURM_STEP_ID": "1"}
    for restarts in ("0", "1"):
        run(**job, command=command, SLURM_RESTART_COUNT=restarts)
        assert "/loss" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        run("--model.beta", "2", **job, command=command, SLURM_RESTART_COUNT="1")


def test_validation_does_not_overwrite_the_training_of_its_job(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(**SLURM)
    for restarts in ("0", "1"):
        with pytest.raises(SystemExit):
            run(**SLURM, command="validate", SLURM_RESTART_COUNT=restarts)
        assert "must be new or empty" in capsys.readouterr().err


def test_another_run_of_a_job_does_not_continue_the_first(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(**SLURM)
    capsys.readouterr()
    for restarts, said in (
        ("0", "must be new or empty"),
        ("1", "must train as before, got `model."),
    ):
        with pytest.raises(SystemExit) as ended:
            run("--model.beta", "2", **SLURM, SLURM_RESTART_COUNT=restarts)
        assert ended.value.code == 2
        written = capsys.readouterr()
        assert said in written.err
        assert "starting from" not in written.out


OWN = ("--trainer.callbacks+=ModelCheckpoint", "--trainer.callbacks.filename", "{step}")


def test_a_job_continues_although_the_user_saves_otherwise(
    capsys: pytest.CaptureFixture[str],
) -> None:
    every_two = (*OWN, "--trainer.callbacks.every_n_train_steps", "2")  # of 3 batches an epoch
    run(*every_two, **SLURM)
    checkpoints = Path("runs/tiny/slurm-41/checkpoints")
    assert {path.name for path in checkpoints.iterdir()} == {"step=6.ckpt", "last.ckpt"}
    run(*every_two, **SLURM, SLURM_RESTART_COUNT="1")
    assert f"starting from: {checkpoints}/last.ckpt" in capsys.readouterr().out


def test_a_users_checkpoint_may_be_configured_like_that_of_the_job() -> None:
    run(*OWN, **SLURM)
    found = {path.name for path in Path("runs/tiny/slurm-41/checkpoints").iterdir()}
    assert found == {"step=6.ckpt", "last.ckpt"}


def test_a_stopped_run_names_its_newest_checkpoint(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stop = ("--trainer.callbacks+=tests.slow_steps.StoppingStep", "--trainer.callbacks.step", "4")
    every = (*OWN, "--trainer.callbacks.every_n_train_steps", "1")
    run(*every, *stop, **SLURM)
    said = capsys.readouterr().out
    last = "runs/tiny/slurm-41/checkpoints/last.ckpt"
    assert f"checkpoint {last}" in said
    assert f"--ckpt_path {last}" in said
    assert "step=5.ckpt" not in said


def test_a_stopped_run_names_its_wandb_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stop = ("--trainer.callbacks+=tests.slow_steps.StoppingStep", "--trainer.callbacks.step", "1")
    run(*stop, "--trainer.logger", "true", **SLURM, WANDB_MODE="offline")
    said = capsys.readouterr().out
    assert "W&B        runs/tiny/slurm-41/wandb/offline-run-" in said
    assert "sync runs/tiny/slurm-41/wandb/offline-run-" in said
