"""A command line whose experiment is broken."""

import sys

import pytest

from commands import main
from tests.commands.broken import Broken


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> type[Broken]:
    monkeypatch.setattr(sys, "argv", ["train.py", "fit", "--model", "WGAN"])
    monkeypatch.setattr(main, "ExperimentCLI", Broken)
    return Broken
