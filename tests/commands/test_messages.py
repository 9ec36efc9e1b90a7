"""Each rule, and a message that no rule knows, gives one short line."""

import sys
from pathlib import Path

import pytest
from jsonargparse import ArgumentError, ArgumentParser
from lightning import LightningDataModule
from torch.optim.lr_scheduler import StepLR

from commands.messages import hint, plain_message


def test_unknown_messages_are_joined_and_cut() -> None:
    line = plain_message("Something new:\n  - first\n  - second\n" + "x" * 1000, ArgumentParser())
    assert line.startswith("Something new:; first; second; xxx")
    assert len(line) <= 400


def test_a_module_that_does_not_exist_is_named() -> None:
    message = "Parser key \"encoder\":\n  No module named 'networks'. Got value: networks.X"
    line = plain_message(message, ArgumentParser())
    assert line == "`encoder` names the module networks, which does not exist."
    assert f"beside train.py, in the working folder '{Path.cwd()}' and on PYTHONPATH." in hint(line)
    assert hint("`x` must be int, got y.") == ""


def test_an_unused_package_in_the_working_folder_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = "Parser key \"encoder\":\n  module 'networks' has no attribute 'Mine'"
    monkeypatch.chdir(tmp_path)
    line = plain_message(message, ArgumentParser())
    assert "unknown class networks.Mine." in line
    assert "is not imported" not in line
    Path("networks").mkdir()
    line = plain_message(message, ArgumentParser())
    assert line.endswith(
        "The networks in the working folder is not imported; give it another name."
    )


def test_a_misspelt_module_of_a_package_is_named() -> None:
    message = """Parser key "data":
    - Problem with given class_path 'datamodules.mnst.MNIST':
        module 'datamodules' has no attribute 'mnst'"""
    line = plain_message(message, ArgumentParser())
    assert line == "`data` names the module datamodules.mnst, which does not exist."
    assert hint(line)


def test_the_first_error_of_a_union_with_null_counts() -> None:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--data", type=LightningDataModule | None)
    with pytest.raises(ArgumentError) as refused:
        parser.parse_args(["--data", "[1]"])
    line = plain_message(str(refused.value), parser)
    assert line.startswith("`data` must be a subclass of LightningDataModule, named by its path")
    assert line.endswith("got [1].")


def test_only_classes_and_functions_of_a_users_module_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "listed_here.py").write_text("from os import PathLike\nclass Mine: pass\nx = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    message = "Parser key \"encoder\":\n  module 'listed_here' has no attribute 'Min'"
    line = plain_message(message, ArgumentParser())
    assert line.endswith("Did you mean listed_here.Mine? Known in listed_here: Mine.")


def test_missing_options_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", "fit"])
    message = "the following arguments are required: fit.data, fit.model"
    line = plain_message(message, ArgumentParser())
    assert line == "`data`, `model` must be given. See train.py fit --help."


def test_missing_arguments_are_named_with_their_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", "fit"])
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(StepLR, skip={"optimizer"})
    with pytest.raises(ArgumentError) as refused:
        parser.parse_args([])
    line = plain_message(str(refused.value), parser)
    assert line == "`step_size` of StepLR must be given. See train.py fit --help."
