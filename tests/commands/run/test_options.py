"""Options before anything is built: names of experiments, and paths that are refused."""

import pytest
from jsonargparse import Namespace

from commands.errors import UsageError
from commands.run.options import OneLineParser, check_paths, experiment_name


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
