"""Ctrl-C at any moment is one line and status 130."""

import os
import signal
import sys
from typing import Any

import pytest
import wandb

from commands import main
from tests.commands.broken import Broken, fail_with

Patch, Capture = pytest.MonkeyPatch, pytest.CaptureFixture[str]


class Stopped:
    """Replaces the experiment; ends as Lightning does after Ctrl-C."""

    def __init__(self) -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            sys.exit(1)


@pytest.mark.parametrize("by_lightning", [True, False])
@pytest.mark.parametrize("rank", ["0", "1"])
def test_ctrl_c_is_one_line_of_the_first_process(
    by_lightning: bool, rank: str, broken: type[Broken], monkeypatch: Patch, capsys: Capture
) -> None:
    broken.error = KeyboardInterrupt()
    monkeypatch.setattr(main, "ExperimentCLI", Stopped if by_lightning else Broken)
    monkeypatch.setenv("LOCAL_RANK", rank)
    fail_with(status=130)
    assert capsys.readouterr().err == ("train.py: error: interrupted.\n" if rank == "0" else "")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("moment", ["parsing", "an error", "the end of W&B's run"])
def test_ctrl_c_at_other_moments(
    moment: str, broken: type[Broken], monkeypatch: Patch, capsys: Capture
) -> None:
    def interrupt(*_: Any) -> None:
        monkeypatch.setattr(wandb, "run", None)
        raise KeyboardInterrupt

    broken.error = ValueError("a bug")
    if moment == "parsing":
        monkeypatch.setattr(main, "check_config_files", interrupt)
    elif moment == "an error":
        monkeypatch.setattr(main, "_explain", interrupt)
    else:
        monkeypatch.setattr(main, "ExperimentCLI", lambda: None)
        monkeypatch.setattr(wandb, "run", object())
        monkeypatch.setattr(wandb, "finish", interrupt)
    fail_with(status=130)
    assert capsys.readouterr().err == "train.py: error: interrupted.\n"


def test_a_second_ctrl_c_ends_at_once(broken: type[Broken], monkeypatch: Patch) -> None:
    ended: list[int] = []

    def interrupt_again() -> None:
        monkeypatch.setattr(wandb, "run", None)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(wandb, "run", object())
    monkeypatch.setattr(wandb, "finish", interrupt_again)
    monkeypatch.setattr(os, "_exit", ended.append)
    monkeypatch.setattr(main, "_run", Broken)
    broken.error = KeyboardInterrupt()
    fail_with(status=130)
    assert ended == [130]


def test_another_exit_is_kept(broken: type[Broken]) -> None:
    broken.error = SystemExit(3)
    fail_with(status=3)
