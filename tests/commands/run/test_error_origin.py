"""Errors of the user's code keep their place; mistakes on the command line become one line."""

import sys
from pathlib import Path
from typing import Any

import pytest
from jsonargparse import ArgumentParser

import hawc
import train
from commands.run.error_origin import _OURS, is_bug, origin, refuses_arguments, user_code_location
from lightning_modules.base.checks import check_at_least_one
from tests.mistakes import BASE

USERS = """
from lightning import Callback, LightningModule
from torch import nn
from datamodules import MNIST5k
from networks import MLPEncoder


class KeyBug(nn.Module):
    def __init__(self, image_shape, latent_dim, width: int = 3):
        super().__init__()
        {"a": 1}["b"]


class TypeBug(KeyBug):
    def __init__(self, image_shape, latent_dim):
        len(3)


class LibraryBug(KeyBug):
    def __init__(self, image_shape, latent_dim):
        nn.Linear(-1, 3)


class Refuses(nn.Module):
    def __init__(self, image_shape, latent_dim, width: int = 3):
        try:
            {}["b"]
        except KeyError:
            raise ValueError(f"`width` must be even, got {width}")


class RefusedByOurs(MNIST5k):
    def __init__(self):
        super().__init__(batch_size=0)


class NoArguments(nn.Module):
    def __init__(self):
        super().__init__()


class DataBug(MNIST5k):
    def __init__(self):
        {}["data"]


class CallbackBug(Callback):
    def __init__(self, n: int = 3):
        {}["callback"]


class RateRefused(LightningModule):
    def __init__(self, image_shape):
        super().__init__()

    def training_step(self, batch):
        pass

    def configure_optimizers(self):
        raise ValueError("no rate")


class Prepares(MNIST5k):
    def prepare_data(self):
        open("users.py/none", "w")


class MayNot(MNIST5k):
    def prepare_data(self):
        raise PermissionError(13, "Permission denied", "data.bin")
"""
BROKEN = {
    "imports": ("import not_there\n", "not_there"),
    "raises": ('{}["b"]\n', "KeyError: 'b'"),
    "spelt": ("def f(:\n", "SyntaxError"),
}


@pytest.fixture(autouse=True)
def users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder with modules of the user that is not on the path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    monkeypatch.setattr(sys, "path", [*sys.path])
    Path("users.py").write_text(USERS)
    for name, (text, _) in BROKEN.items():
        Path(f"{name}.py").write_text(text)
    for name in ("users", *BROKEN):
        monkeypatch.delitem(sys.modules, name, raising=False)


def line_of(text: str) -> int:
    return 1 + USERS.splitlines().index(next(x for x in USERS.splitlines() if text in x))


def run(*options: str) -> None:
    train.main([*BASE, "--trainer.callbacks", "null", "--trainer.logger", "false", *options])


@pytest.mark.parametrize(
    ("options", "kind", "code"),
    [
        (("--model.encoder", "users.KeyBug"), KeyError, '{"a": 1}["b"]'),
        (("--model.encoder", "users.TypeBug"), TypeError, "len(3)"),
        (("--model.encoder", "users.LibraryBug"), RuntimeError, "nn.Linear(-1"),
        (("--data", "users.DataBug"), KeyError, '{}["data"]'),
        (("--data", "users.Prepares"), NotADirectoryError, "open("),
        (("--trainer.callbacks+=users.CallbackBug",), KeyError, '{}["callback"]'),
        (("--trainer.callbacks=users.CallbackBug",), KeyError, '{}["callback"]'),
    ],
)
def test_a_bug_of_the_user_keeps_its_traceback(
    options: tuple[str, ...], kind: type[Exception], code: str
) -> None:
    with pytest.raises(kind) as raised:
        run(*options)
    assert user_code_location(raised.value) == f"users.py, line {line_of(code)}"
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("options", "line", "code", "status"),
    [
        (("--model.encoder", "users.Refuses"), "`width` must be even, got 3", "raise Value", 2),
        (("--data", "users.RefusedByOurs"), "`batch_size` must be at least 1", "batch_size=0", 2),
        (("--model", "users.RateRefused"), "RateRefused is refused: no rate", "no rate", 2),
        (("--data", "users.MayNot"), "'data.bin' cannot be read or written", "raise Permission", 1),
        (("--model.encoder", "users.NoArguments"), "__init__() takes 1 positional argument", "", 2),
    ],
)  # fmt: skip
def test_a_refusal_is_one_line_with_its_location(
    options: tuple[str, ...],
    line: str,
    code: str,
    status: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*options)
    assert ended.value.code == status
    (said,) = capsys.readouterr().err.splitlines()
    assert line in said
    assert ("users.py, line" in said) == bool(code)
    assert not code or said.endswith(f"(users.py, line {line_of(code)})")


@pytest.mark.parametrize("option", ["--model", "--model.encoder", "--trainer.callbacks"])
@pytest.mark.parametrize("module", BROKEN)
def test_a_module_that_cannot_be_imported_shows_where(
    option: str, module: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(f"{option}={module}.Any")
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert f'{module}.py", line 1' in said
    assert BROKEN[module][1] in said.splitlines()[-1]
    assert "train.py: error" not in said


def test_the_error_behind_the_parsers_errors_is_found() -> None:
    """Only the error of a union's first type is the cause of the parser's error."""

    def fails(value: object) -> object:
        raise KeyError("mine")

    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--x", type=list[int] | int)
    with pytest.raises(Exception) as raised:
        parser.parse_args(["--x", "{}"])
    assert type(origin(raised.value)) is ValueError
    assert not str(origin(raised.value)).startswith("Parser key")
    alone = KeyError("alone")
    assert origin(alone) is alone


OURS = """
import torch
from torch import nn
def typed(): len(3)
def of_library(): nn.Linear("3", 4)
def reads(): open("not/there")
def imports(): import nopkg
def refuses(): raise ValueError("`n`")
def raises():
    raise TypeError("`n` must be a number")
"""


@pytest.mark.parametrize(
    ("name", "refuses"),
    [
        *((name, False) for name in ("typed", "of_library", "reads", "imports")),
        *((name, True) for name in ("refuses", "raises")),
    ],
)
def test_code_added_to_our_packages_may_have_bugs(
    name: str, refuses: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "networks").mkdir()
    file = tmp_path / "networks" / "added.py"
    file.write_text(OURS)
    places = (tmp_path / "networks",)
    monkeypatch.setattr("commands.run.error_origin._CONFIGURED", places)
    monkeypatch.setattr("commands.run.error_origin._OURS", (*_OURS, *places))
    code: dict[str, Any] = {}
    exec(compile(OURS, str(file), "exec"), code)
    with pytest.raises(Exception) as raised:
        code[name]()
    error = raised.value
    error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next  # not of this test
    assert refuses_arguments(error) == refuses
    assert is_bug(error) != refuses


def test_what_refuses_arguments() -> None:
    def caught(*arguments: object) -> Exception:
        with pytest.raises(Exception) as raised:
            check_at_least_one(*arguments)  # type: ignore[arg-type]
        error = raised.value
        while error.__traceback__ and error.__traceback__.tb_next:  # as if ours had called it
            error.__traceback__ = error.__traceback__.tb_next
        return error

    assert refuses_arguments(caught("n", 0))
    assert not refuses_arguments(caught("n", "0"))  # not raised, but failed
    assert not refuses_arguments(LookupError("a bug, wherever it is"))


def test_a_name_that_a_module_lacks_is_no_bug_of_the_module() -> None:
    with pytest.raises(AttributeError) as missing:
        hawc.SobelSampler  # noqa: B018
    assert missing.tb.tb_next is not None  # without this file, which is no package's
    assert not is_bug(missing.value.with_traceback(missing.tb.tb_next))
