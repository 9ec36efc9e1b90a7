"""Each rule, and a message that no rule knows, gives one short line."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonargparse import ArgumentError, ArgumentParser
from lightning import LightningDataModule
from torch.optim.lr_scheduler import StepLR

from commands import main
from commands.experiment import ExperimentCLI
from commands.messages import hint, plain_message
from tests.mistakes import BASE

SCHEDULERS = "torch.optim.lr_scheduler"


def _function(name: str) -> str:
    return json.dumps({"class_path": name, "init_args": {"s": "[1]", "command": "touch ran"}})


def _hook(callback: str, argument: str, function: str) -> str:
    init_args = f'{{"{argument}": {_function(function)}}}'
    return f'--trainer.callbacks+={{"class_path": "{callback}", "init_args": {init_args}}}'


REFUSED = {
    "--model.latnt_dim=3": r"unknown option `latnt_dim`\. Did you mean latent_dim\?",
    "--model.encoder.init_args.widhts=[3]": r"unknown option `widhts`\. Did you mean widths\?",
    "--trainer.max_epohs=3": r"unknown option `trainer\.max_epohs`\. Did you mean trainer\.max_ep",
    "--trainer.max_step=3": r"unknown option `trainer\.max_step`",  # no abbreviation
    "--modle.n=3": r"unknown option `modle\.n`\. .*See train\.py fit --help\.",
    "--model.latent_dim=five": "`latent_dim` must be int, got five",
    "--model.optimizer.lr=five": "`lr` must be float, got five",
    "--model.latent_loss=exakt": r"`latent_loss` must be Literal.*, got exakt\. Did you mean exact",
    "--model.encoder.widths=200": r"`widths` must be .*Sequence, got 200\. Write it as '\[200\]'",
    "--data=MNIST6k": r"`data` names an unknown class MNIST6k\. Did you mean MNIST5k\? Known: Bos",
    "--model.encoder=networks.MLPEncodr": r"unknown class networks\.MLPEncodr\. Did you mean netw",
    "--model.encoder=network.MLPEncoder": "`encoder` names the module network, which does not",
    "--model.encoder=math.sqrt": r"`encoder` must be a class or function that returns a Module, g",
    "--model.encoder=os.system": "`encoder` must be a class or function that returns a Module",
    "--trainer.callbacks+=json.loads": "json.loads",
    "--trainer.max_epochs=\x1b[31mred": r"must be .*int.*, got \\x1b\[31mred",
    "--model.latent_loss=" + "x" * 5000: "`latent_loss` must be ",
    "--trainer.callbacks+=HistoryAwareSamplin": "Did you mean HistoryAwareSampling. Known: Chann",
    "--model=Ensemble": "`members` of Ensemble must be given",
    "--data=CSVTable": "`path` of CSVTable must be given",
    "--model.encoder="
    + _function("os.system"): "a Module, got os.system; annotate the return type",
    "--model.encoder=" + _function("subprocess.Popen"): "a Module, got subprocess.Popen; annotate",
    "--model.encoder=" + _function("json.loads"): "returns a Module, got json.loads; annotate",
    "--model.decoder=" + _function("torch.load"): r"returns a Module, got torch\.\S*load; annotate",
    "--model.optimizer=" + _function("json.loads"): "returns a Optimizer, got json.loads; annotate",
    "--model.scheduler=" + _function("json.loads"): "got json.loads; annotate the return type",
    "--data=" + _function("json.loads"): "json.loads",
    "--trainer.logger=" + _function("json.loads"): "json.loads",
    "--trainer.callbacks+=" + _function("shutil.rmtree"): "shutil.rmtree",
    _hook("HistoryAwareSampling", "sampler", "os.system"): "got os.system; annotate",
    _hook("LambdaCallback", "on_fit_start", "pydoc.pager"): "got pydoc.pager; annotate",
    _hook("LambdaCallback", "on_fit_start", "json.loads"): "got json.loads; annotate",
    f"--model.scheduler={SCHEDULERS}.StepLR": r"`step_size` of StepLR must be given\.",
}


class ParserCreatedError(Exception):
    """Ends the command line after its parser was created."""


@pytest.fixture(scope="module")
def parser() -> Any:
    """The parser of the command line, which is created once for all tests."""
    created: list[Any] = []

    def keep(self: ExperimentCLI, parser: Any, args: Any) -> None:
        created.append(parser)
        raise ParserCreatedError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["train.py", "fit", "--model", "VAE"])
        patch.setattr(ExperimentCLI, "parse_arguments", keep)
        with pytest.raises(ParserCreatedError):
            main.run()
    return created[0]


@pytest.fixture
def refusal(
    parser: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], str]:
    """Parses an option after those of a configuration; returns the one line on stderr."""

    def parse(option: str) -> str:
        monkeypatch.setattr(sys, "argv", ["train.py", "fit", *BASE, option])
        with pytest.raises(SystemExit) as ended:
            parser.parse_args(sys.argv[1:])
        assert ended.value.code == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("train.py: error: ")
        assert len(line) < 500
        return line

    return parse


@pytest.mark.parametrize("option", REFUSED)
def test_a_wrong_option_is_one_line(option: str, refusal: Callable[[str], str]) -> None:
    assert re.search(REFUSED[option], line := refusal(option)), line


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
