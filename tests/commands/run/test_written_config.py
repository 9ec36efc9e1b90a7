"""config.yaml holds the run's configuration and is read again as the same."""

import datetime
import enum
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from jsonargparse import ArgumentParser, Namespace
from lightning import Callback, LightningModule
from lightning.pytorch.callbacks import StochasticWeightAveraging, Timer

from commands.errors import UsageError
from commands.run.written_config import (
    WriteConfig,
    _as_text,
    check_same_run,
    classes_of_main,
    written_config,
)
from tests.helpers import quiet_trainer


class Color(enum.Enum):
    RED = 1


class Spelt(enum.StrEnum):
    RED = "red"


class Device(Callback):
    def __init__(self, v: torch.device = torch.device("cpu")) -> None: ...  # noqa: B008


class Dtype(Callback):
    def __init__(self, v: torch.dtype = torch.float64) -> None: ...


class SomePath(Callback):
    def __init__(self, v: Path = Path("x/y")) -> None: ...


class Duration(Callback):
    def __init__(self, v: datetime.timedelta = datetime.timedelta(seconds=90)) -> None: ...


class Date(Callback):
    def __init__(self, v: datetime.datetime = datetime.datetime(2020, 1, 2)) -> None: ...


class Named(Callback):
    def __init__(self, v: Callable[[Any], Any] = torch.relu) -> None: ...


class Unnamed(Callback):
    def __init__(self, v: Callable[[Any], Any] = lambda x: x) -> None: ...


class Member(Callback):
    def __init__(self, v: Color = Color.RED) -> None: ...


class TextMember(Callback):
    def __init__(self, v: str = Spelt.RED) -> None: ...


class Number(Callback):
    def __init__(self, v: float = np.sqrt(2)) -> None: ...


class Pair(Callback):
    def __init__(self, v=(1.0, 2.0)) -> None: ...  # type: ignore[no-untyped-def]


class Something(Callback):
    def __init__(self, v: Any = object()) -> None: ...  # noqa: B008


class Weights(Callback):
    def __init__(self, v: torch.Tensor = torch.zeros(2)) -> None: ...  # noqa: B008


class LikeANumber(Callback):
    def __init__(self, v: str = "1e3") -> None: ...


class NotFinite(Callback):
    def __init__(self, v: float = float("nan")) -> None: ...


LEFT_OUT = (Date, Unnamed, TextMember, Number, Something, Weights)
WRITTEN = {
    Device: "cpu",
    Dtype: "torch.float64",
    SomePath: "x/y",
    Duration: "0:01:30",
    Named: "torch.relu",
    Member: "RED",
    Pair: [1.0, 2.0],
    LikeANumber: "1e3",
}


def parser_of(*kinds: type) -> ArgumentParser:
    parser = ArgumentParser(exit_on_error=True, parser_mode="omegaconf+")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--callbacks", type=list[Callback], default=[])
    return parser


def configured(parser: ArgumentParser, kind: type, **init_args: Any) -> Namespace:
    path = f"{kind.__module__}.{kind.__name__}"
    return parser.parse_object({"callbacks": [{"class_path": path, "init_args": init_args}]})


@pytest.mark.parametrize("kind", [*WRITTEN, *LEFT_OUT, NotFinite])
def test_a_default_is_written_and_read_again_or_left_out(kind: type) -> None:
    parser = parser_of(kind)
    config = configured(parser, kind)
    written = written_config(parser, config)
    arguments = written["callbacks"][0].get("init_args", {})
    assert ("v" in arguments) == (kind not in LEFT_OUT)
    assert arguments.get("v") == WRITTEN[kind] if kind in WRITTEN else True
    again = parser.parse_string(_as_text(written))
    value, before = (c["callbacks"][0]["init_args"]["v"] for c in (again, config))
    assert type(value) is type(before)
    assert value is before or bool(np.all(value == before)) or kind is NotFinite


@pytest.mark.parametrize(
    ("kind", "given"), [(StochasticWeightAveraging, {"swa_lrs": 0.1}), (Timer, {})]
)
def test_lightnings_own_callbacks_are_read_again(kind: type, given: dict[str, Any]) -> None:
    parser = parser_of(kind)
    written = written_config(parser, configured(parser, kind, **given))
    assert "Unable" not in _as_text(written)
    parser.instantiate_classes(parser.parse_string(_as_text(written)))


class Escaped(Callback):
    def __init__(self, v: str = "a ${x}") -> None: ...


def test_text_like_an_interpolation_is_escaped_or_refused() -> None:
    parser = parser_of()
    parser.add_argument("--text", type=str, default="a")
    config = parser.parse_args(["--text", r"b \${.y}"])
    assert config.text == "b ${.y}"
    written = written_config(parser, config)
    assert parser.parse_string(_as_text(written)).text == "b ${.y}"
    config = configured(parser, Escaped, v="plain")
    config["callbacks"][0]["init_args"]["v"] = "a ${x}"  # cannot be escaped within a list
    with pytest.raises(UsageError, match=r"config\.yaml of this run could not be written"):
        written_config(parser, config)


def test_pyyaml_itself_is_unchanged() -> None:
    with pytest.raises(yaml.representer.RepresenterError):
        yaml.safe_dump(np.float64(2.5))


def test_classes_of_the_program_itself_are_named() -> None:
    data = {"class_path": "__main__.Mine", "init_args": {"encoder": ["__main__.Encoder", "a.b"]}}
    assert classes_of_main({"data": data, "n": 1}) == ["__main__.Encoder", "__main__.Mine"]


def test_a_value_that_cannot_be_written_is_named() -> None:
    parser = parser_of()
    config = configured(parser, Unnamed)
    config["callbacks"][0]["init_args"]["v"] = lambda x: 2 * x
    message = (
        r"`callbacks\[0\].init_args.v` must be a value that config.yaml can hold, .* got funct"
    )
    with pytest.raises(UsageError, match=message):
        written_config(parser, config)


def test_a_given_value_is_written() -> None:
    parser = parser_of()
    config = configured(parser, Duration, v="1 days, 0:00:05")
    assert written_config(parser, config)["callbacks"][0]["init_args"]["v"] == "1 day, 0:00:05"


class KilledError(BaseException):
    """Ends a function like a kill."""


def writer(**options: Any) -> WriteConfig:
    parser = ArgumentParser()
    parser.add_argument("--trainer", type=dict[str, Any], default={"logger": False})
    parser.add_argument("--run_folder", default="given")
    return WriteConfig(parser, parser.get_defaults(), **options)


def test_a_configuration_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(old: Path, new: Path) -> None:
        if Path(new).name == "config.yaml":
            raise KilledError
        os.rename(old, new)

    given, write = tmp_path / "given", writer(configured_loggers=False)
    trainer = quiet_trainer(given)
    with monkeypatch.context() as kills:
        kills.setattr(os, "replace", killed)
        with pytest.raises(KilledError):
            write.save_config(trainer, LightningModule(), "fit")
    assert not (given / "config.yaml").exists()
    assert yaml.safe_load((given / "machine.yaml").read_text())["processes"] == 1
    write.save_config(trainer, LightningModule(), "fit")
    expected = {"trainer": {"logger": False}, "run_folder": None}
    assert yaml.safe_load((given / "config.yaml").read_text()) == expected


def test_loggers_are_written_as_configured(tmp_path: Path) -> None:
    write = writer(configured_loggers="mine")
    write.save_config(quiet_trainer(tmp_path), LightningModule(), "fit")
    assert yaml.safe_load((tmp_path / "config.yaml").read_text())["trainer"] == {"logger": "mine"}


def test_a_job_that_starts_again_trains_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config: dict[str, Any] = {
        **{"seed_everything": 0, "ckpt_path": None, "model": {"init_args": {"widths": [16, 8]}}},
        **{"data": {"class_path": "MNIST"}, "trainer": {"max_epochs": 2, "logger": None}},
    }
    folder = Path("given")
    check_same_run(folder, config)  # stopped before it wrote anything
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    logger = {"init_args": {"id": "abc"}}
    check_same_run(
        folder, {**config, "ckpt_path": "last", "trainer": {"max_epochs": 2, "logger": logger}}
    )
    with pytest.raises(UsageError, match=r"got `model.init_args.widths.1` 4, but 8 in 'given/con"):
        check_same_run(folder, {**config, "model": {"init_args": {"widths": [16, 4]}}})
    with pytest.raises(UsageError, match=r"got `trainer.max_epochs` None, but 2 in "):
        check_same_run(folder, {**config, "trainer": {}})
    with pytest.raises(
        UsageError, match=r"got `seed_everything` 1, but 0 in .* restore that value, or"
    ):
        check_same_run(folder, {**config, "seed_everything": 1})
