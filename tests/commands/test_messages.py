"""What no rule knows still becomes one short line. The rules: tests/test_bad_input.py."""

import sys

import pytest
from jsonargparse import ArgumentParser

from commands.messages import plain_message


def test_unknown_messages_are_joined_and_cut() -> None:
    line = plain_message("Something new:\n  - first\n  - second\n" + "x" * 1000, ArgumentParser())
    assert line.startswith("Something new:; first; second; xxx")
    assert len(line) <= 400


def test_a_module_that_does_not_exist_is_named() -> None:
    message = "Parser key \"encoder\":\n  No module named 'nets'. Got value: nets.X"
    line = plain_message(message, ArgumentParser())
    assert line == "`encoder` names the module nets, which does not exist."


def test_missing_options_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", "fit"])
    message = "the following arguments are required: fit.data, fit.model"
    line = plain_message(message, ArgumentParser())
    assert line == "`data`, `model` must be given. See train.py fit --help."
