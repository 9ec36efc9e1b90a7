"""Which files a command line names. Their faults: tests/test_bad_input.py."""

from pathlib import Path

import pytest

from commands.config_files import check_config_files, config_paths


def test_all_spellings() -> None:
    arguments = ["fit", "--config", "a.yaml", "--config=b.yaml", "-c", "c.yaml", "--x", "d.yaml"]
    assert list(config_paths(arguments)) == [Path("a.yaml"), Path("b.yaml"), Path("c.yaml")]
    assert list(config_paths(["--config"])) == []


def test_good_files_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("good.yaml").write_text("trainer: {max_epochs: 1}\n")
    check_config_files(["--config", "good.yaml"])
