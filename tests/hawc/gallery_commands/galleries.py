"""A store with galleries of several kinds, for the tests of the command line."""

from pathlib import Path

import pytest
import torch

from hawc import DatabaseHistory, StandardNormal
from hawc.gallery_commands import main
from hawc.samplers import Features

PROMPT = 'a "red" café 😀\n<script>\x1b[31m'
"""A condition with quotes, an emoji, a line break, markup and an escape sequence."""


def store_in(folder: Path) -> Path:
    """A store in a file whose name has a space; see `fill`."""
    path = folder / "a store.db"
    fill(path)
    return path


def fill(path: Path | str) -> None:
    """Record latents and seeds of two prompts in "default", and no points in "other"."""
    latents = DatabaseHistory(path, StandardNormal(3), create=True, condition=PROMPT)
    metadata = [{"file": f"{i}.png", "note": "x" * 300} for i in range(4)]
    latents.append(torch.arange(12.0).reshape(4, 3), expected_length=0, metadata=metadata)
    latents.tag([1, 3], "good")
    seeds = DatabaseHistory(path, Features(2, "network"), condition="a dog", create=True)
    seeds.add(torch.ones(2, 2), seeds=[7, 8], tags=["kept"], generator_name="turbo")
    DatabaseHistory(path, StandardNormal(1), gallery="other", create=True)


def output_of(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What a command that succeeds prints."""
    assert main([str(argument) for argument in arguments]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert "\x1b" not in captured.out
    return captured.out


def error_of(capsys: pytest.CaptureFixture[str], *arguments: object, status: int = 2) -> str:
    """The one line that a command that fails prints."""
    assert main([str(argument) for argument in arguments]) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("python -m hawc: error: ")
    assert "\x1b" not in line
    return line.removeprefix("python -m hawc: error: ")
