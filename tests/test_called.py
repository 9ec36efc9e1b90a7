"""Programs that call the command line, as notebooks do."""

import sys
from pathlib import Path

import pytest

import train
from commands import main
from commands.errors import UsageError


@pytest.mark.parametrize("before", [["note.py", "-f", "x"], ["-c"], []])
def test_a_program_that_calls_the_command_line_keeps_its_arguments(
    before: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []

    def run() -> None:
        seen.append([*sys.argv])
        sys.argv[1:] = ["changed"]
        raise UsageError("no")

    monkeypatch.setattr(train, "run", run)
    monkeypatch.setattr(sys, "argv", given := [*before])
    for arguments in (["fit", "--name", "a"], None):
        with pytest.raises(UsageError):
            train.main(arguments)
        assert sys.argv is given
        assert given == before
    assert [argv[1:] for argv in seen] == [["fit", "--name", "a"], before[1:]]
    assert len(seen[0]) == 4  # also where there was no program's name


def test_the_working_folder_is_on_the_path_behind_all_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", before := [*sys.path])
    monkeypatch.setattr(main, "ExperimentCLI", lambda: None)
    for _ in range(2):
        train.main(["fit", "--model", "WGAN"])
    assert sys.path[-1] == str(tmp_path)
    assert sys.path is before
    assert sys.path.count(str(tmp_path)) == 1
