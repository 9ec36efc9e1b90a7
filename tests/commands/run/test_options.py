"""Options before anything is built: names of experiments, and paths that are refused."""

from typing import Any

import pytest
import yaml
from jsonargparse import Namespace

from commands.errors import UsageError
from commands.run.options import OneLineParser, check_paths, experiment_name
from commands.run.written_config import written_config
from configuration.environment import forget_environment


def options(ckpt_path: str | None = None, default_root_dir: str | None = None) -> Namespace:
    return Namespace(
        ckpt_path=ckpt_path,
        trainer=Namespace(default_root_dir=default_root_dir),
        model=Namespace(class_path="lightning_modules.VAE"),
        data=Namespace(class_path="mypackage.Faces"),
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"ckpt_path": ""}, "`ckpt_path` must be a checkpoint file or 'last', got ''"),
        ({"default_root_dir": "runs"}, r"`trainer.default_root_dir` .* got 'runs'.*--run_folder"),
    ],
)
def test_paths_that_are_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_paths(options(**given))
    check_paths(options("last"))


@pytest.mark.parametrize(
    ("arguments", "name"),
    [(["--config", "configs/a.yaml", "--config=b.yaml"], "a"), ([], "VAE-Faces")],
)
def test_an_experiment_is_named_by_its_first_file(
    arguments: list[str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["train.py", *arguments])
    assert experiment_name(options()) == name


def test_an_error_is_one_line_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        OneLineParser(prog="train.py").error("two\nlines of the parser")
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_variables_are_used_but_kept_as_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"HAWC_SECRET": "hunter22", "HAWC_ONE": "1"}.items():
        monkeypatch.setenv(name, value)
    forget_environment()
    kinds: dict[str, Any] = {"text": str, "number": int, "list": list[str], "other": int}
    kinds["seed_everything"] = int
    parser, fit = (OneLineParser(prog="train.py", parser_mode="omegaconf+") for _ in range(2))
    for name, kind in kinds.items():
        fit.add_argument(f"--{name}", type=kind, default=None)
    parser.add_subcommands().add_subcommand("fit", fit)
    written = {"text": "me:${oc.env:HAWC_SECRET}", "number": "${oc.env:HAWC_ONE}"}
    arguments = [*(f"--{name}={text}" for name, text in written.items()), "--other=1"]
    config = parser.parse_args(["fit", *arguments, "--list=['${..text}', b]"])["fit"]
    assert (config.text, config.number, config.list[1]) == ("me:hunter22", 1, "b")
    for kept in (written_config(fit, config), yaml.safe_load(fit.dump(config, format="yaml"))):
        assert kept["text"] == written["text"]
        assert kept["number"] == written["number"]
        assert kept["other"] == 1
        assert fit.parse_object(kept).text == "me:hunter22"
    with pytest.raises(SystemExit):
        parser.parse_args(["fit", "--number=${oc.env:HAWC_SECRET}"])
    said = capsys.readouterr().err
    assert "got ${oc.env:HAWC_SECRET}" in said
    assert "hunter22" not in said
    forget_environment()


@pytest.mark.parametrize("value", [3, None, [], "x"])
def test_a_trainer_without_options_is_one_line(value: Any) -> None:
    with pytest.raises(UsageError, match="`trainer` must hold options as `key: value`, got"):
        check_paths(Namespace(trainer=value))
