"""Writes config.yaml, from which another run can start.

The text is parsed before the run starts and compared with the configuration, value by value. Some
values cannot be written, such as a lambda, or a member of an enumeration without annotation: their
text is read as another value. Usually such a value is the default of its argument. Its key is then
left out, and a run from the file gets the same default.
"""

import contextlib
import io
import os
import platform
import warnings
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from types import FunctionType
from typing import Any, final

import numpy as np
import torch
import yaml
from jsonargparse import ArgumentParser, Namespace, set_dumper
from jsonargparse.typing import register_type
from lightning import LightningModule, Trainer
from lightning.pytorch.cli import SaveConfigCallback
from lightning.pytorch.loggers import WandbLogger
from omegaconf.errors import OmegaConfBaseException

from commands.errors import UsageError
from commands.run.config_files import MODE, read_yaml
from commands.run.folder import CONFIG
from configuration.environment import Place, keep_as_written
from hawc.io.files import atomic_write

__all__ = ["WriteConfig", "check_same_run", "classes_of_main", "notice_of_main", "written_config"]

_COMPARED = ("seed_everything", "model", "data", "trainer")
_PLAIN = (type(None), bool, int, float, str)
_NOT_WRITTEN = "Unable to serialize instance"  # the parser's text for a value that it cannot write
_ABSENT = object()

register_type(torch.device, str, torch.device)


@final
class WriteConfig(SaveConfigCallback):
    """Writes the resolved configuration to config.yaml and into the W&B run.

    machine.yaml beside it describes the machine, which the times of the run depend on.

    Args:
        arguments: of Lightning's callback.
        configured_loggers: the loggers as the user configured them, without the folder and the name
            of this run; a run from the file gets its own.
        options: of Lightning's callback.
    """

    def __init__(self, *arguments: Any, configured_loggers: Any = None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._configured_loggers = configured_loggers

    @cached_property
    def content(self) -> dict[str, Any]:
        """The content of config.yaml; UsageError for a value that cannot be written."""
        config = self.config.clone()
        config["trainer"]["logger"] = self._configured_loggers
        config["run_folder"] = None  # a run from this file gets its own folder
        return written_config(self.parser, config)

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        folder = Path(trainer.default_root_dir)
        if (folder / CONFIG).exists():
            return  # a job that starts again keeps the file of its first start
        folder.mkdir(parents=True, exist_ok=True)
        # config.yaml last: a job that starts again looks for it
        for name, content in {"machine.yaml": _machine(trainer), CONFIG: self.content}.items():
            with atomic_write(folder / name) as file:
                file.write(_as_text(content).encode())
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                logger.experiment.config.update({"cli": self.content}, allow_val_change=True)


def written_config(parser: ArgumentParser, config: Namespace) -> dict[str, Any]:
    """Returns plain values, defaults included, that parse to `config`.

    Raises:
        UsageError: naming a value that would be read as another one.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # about values that cannot be written
            written: dict[str, Any] = yaml.safe_load(
                parser.dump(config, skip_none=False, format=MODE)
            )
    except (TypeError, ValueError, yaml.YAMLError) as error:
        raise UsageError(f"config.yaml of this run could not be written: {error}") from error
    objects = dict(_objects(written, config, ()))
    keep_as_written(written)
    left_out = [place for place in objects if str(_at(written, place)).startswith(_NOT_WRITTEN)]
    _leave_out(written, left_out)
    read, error = _read_back(parser, written)
    changed = [p for p in objects.keys() - left_out if not _same(_at(read, p), objects[p])]
    if changed and read is not None:
        _leave_out(written, changed)
        left_out += changed
        read, error = _read_back(parser, written)
    if read is None:
        raise UsageError(f"config.yaml of this run could not be read again: {error}")
    for place in left_out:
        if not _same(_at(read, place), objects[place]):
            raise UsageError(
                f"`{_name(place)}` must be a value that config.yaml can hold, so that the run can "
                f"be repeated, got {type(objects[place]).__name__} {objects[place]!r:.200}; make "
                "it the default of its argument, or name an importable object."
            )
    return written


def notice_of_main(written: dict[str, Any] | None) -> str | None:
    """Returns a line if config.yaml names classes that no other program can import."""
    if not (names := classes_of_main(written or {})):
        return None
    return (
        f"config.yaml names {', '.join(names)}, which only this program can import; move such a "
        "class to a module to train on from the file"
    )


def classes_of_main(content: Any) -> list[str]:
    """Returns the classes in a configuration that are defined in `__main__`."""
    return sorted(
        {
            text
            for text in _flat(content).values()
            if isinstance(text, str) and text.startswith("__main__.")
        }
    )


def check_same_run(folder: Path, config: Mapping[str, Any]) -> None:
    """Raises UsageError if a run's config.yaml describes another training.

    A job may have several runs, and its configuration files may change before it starts again.
    Loggers and the checkpoint are not compared.
    """
    file = folder / CONFIG
    if not file.exists():
        return  # the job was stopped before its first step
    before, now = (_flat({k: c[k] for k in _COMPARED}) for c in (read_yaml(file), config))
    for key in sorted(before | now):
        was, is_now = before.get(key), now.get(key)
        if was != is_now and not key.startswith("trainer.logger"):
            raise UsageError(
                f"a job that starts again must train as before, got `{key}` {is_now}, but {was} "
                f"in '{file}'; restore that value, or submit a new job with --ckpt_path."
            )


def _objects(written: Any, given: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    """Writes plain values; yields place and value of all others.

    The parser writes arguments of classes to text and reads them again, which changes "1e3" or "on"
    into another value. So numbers and texts are written here. `${` in a text is escaped, or it
    would be read as an interpolation.
    """
    for key, value in written.items() if isinstance(written, dict) else enumerate(written):
        original, here = _at(given, (key,)), (*place, key)
        if type(original) is str and "${" in original:
            written[key] = original.replace("${", r"\${")
            yield here, original
        elif type(original) in _PLAIN:
            written[key] = original
        elif _is_parallel(value, original):
            yield from _objects(value, original, here)
        elif original is not _ABSENT:  # absent: a linked argument, set from another one
            yield here, original


def _is_parallel(written: Any, given: Any) -> bool:
    if isinstance(given, Namespace):
        return isinstance(written, dict)
    if isinstance(written, dict) and isinstance(given, dict):
        return written.keys() == given.keys()
    return isinstance(written, list) and type(given) is list and len(written) == len(given)


def _at(value: Any, place: Place) -> Any:
    for key in place:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return _ABSENT
    return value


def _leave_out(written: Any, places: list[Place]) -> None:
    for place in places:
        *above, key = place
        holder = _at(written, tuple(above))
        if isinstance(holder, dict):
            del holder[key]


def _read_back(parser: ArgumentParser, written: dict[str, Any]) -> tuple[Namespace | None, str]:
    """Returns the configuration read from the text, or None and the reason."""
    message = io.StringIO()
    try:
        with contextlib.redirect_stderr(message), warnings.catch_warnings(action="ignore"):
            return parser.parse_string(_as_text(written)), ""
    except OmegaConfBaseException as error_of_text:
        return None, str(error_of_text).partition("\n")[0]
    except SystemExit:
        return None, message.getvalue().removeprefix("train.py: error: ").strip()


def _same(read: Any, given: Any) -> bool:
    """Returns whether values are equal, or of one type if they cannot be compared."""
    if read is given:
        return True
    if type(read) is not type(given):
        return False
    if isinstance(read, (Namespace, dict)):
        left, right = dict(read.items()), dict(given.items())
        return left.keys() == right.keys() and all(_same(left[k], right[k]) for k in left)
    if isinstance(read, (list, tuple)):
        return len(read) == len(given) and all(map(_same, read, given))
    if type(read).__eq__ is object.__eq__:
        return not isinstance(read, FunctionType)  # two functions are never copies
    with contextlib.suppress(Exception):  # a comparison without a truth value counts as different
        return bool(read == given) or bool(read != read and given != given)
    return False


def _name(place: Place) -> str:
    parts = [f"[{key}]" if isinstance(key, int) else f".{key}" for key in place]
    return "".join(parts).lstrip(".")


@final
class _Dumper(yaml.SafeDumper):
    """Quotes texts such as 1e3, which the parser reads as a number, unlike PyYAML."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        style = "'" if text[:1] in tuple("+-.0123456789") else None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _Dumper.represent_text)
# PyYAML cannot represent NumPy's numbers, such as np.sqrt(2), and texts or numbers that are members
# of an enumeration; both are common defaults
for _kind, _as_plain in {np.generic: np.generic.item, str: str.__str__, int: int.__int__}.items():
    _Dumper.add_multi_representer(
        _kind, lambda dumper, value, plain=_as_plain: dumper.represent_data(plain(value))
    )


def _as_text(content: Mapping[str, Any]) -> str:
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False)


set_dumper(MODE, _as_text)


def _flat(value: Any, key: str = "") -> dict[str, Any]:
    """Returns the values in nested dictionaries and lists by their dotted names."""
    if isinstance(value, list):
        value = dict(enumerate(value))
    if not isinstance(value, dict):
        return {key: value}
    parts = (_flat(part, f"{key}.{name}" if key else str(name)) for name, part in value.items())
    return {name: part for flat in parts for name, part in flat.items()}


def _machine(trainer: Trainer) -> dict[str, Any]:
    device = trainer.strategy.root_device
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "cpu": f"{os.cpu_count()} cores, {platform.machine()}",
        "threads": torch.get_num_threads(),
        "processes": trainer.world_size,
        "torch": str(torch.__version__),
    }
