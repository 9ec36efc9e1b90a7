"""Reads configuration files, and values on the command line, within bounds (yaml_bounds.py)."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jsonargparse
import yaml

from commands.errors import UsageError, nearest
from configuration.yaml_bounds import check_expansion, repeated_keys
from hawc.io.files import read_regular

__all__ = ["MODE", "check_config_files", "config_paths", "load_yaml", "read_yaml"]

MODE = "omegaconf+"  # of our parsers: interpolations are resolved after all options are merged
_FLAGS = ("--config", "-c")
_MAX_BYTES = 2**20

jsonargparse.ArgumentParser(parser_mode=MODE).parse_string("{}")  # makes its loader known
_load = jsonargparse.get_loader(MODE)


def config_paths(arguments: Sequence[str]) -> Iterator[Path]:
    """Yields the files named by --config FILE, --config=FILE and -c FILE, in order."""
    for position, argument in enumerate(arguments):
        flag, separator, value = argument.partition("=")
        if flag in _FLAGS and separator:
            yield Path(value)
        elif argument in _FLAGS and position + 1 < len(arguments):
            yield Path(arguments[position + 1])


def check_config_files(arguments: Sequence[str]) -> None:
    """Raises UsageError unless each configuration file is a YAML mapping."""
    for path in config_paths(arguments):
        if not os.path.exists(path):
            siblings = {p.stem: p.name for p in path.parent.glob("*.yaml")}
            raise UsageError(
                f"`--config` names the file '{path}', which does not exist."
                f"{nearest(path.stem, siblings)}"
            )
        try:
            content = load_yaml(text := _read_text(path))
        except OSError as error:
            raise UsageError(
                f"`--config` '{path}' cannot be read: {error.strerror}; name a YAML file."
            ) from error
        except yaml.YAMLError as error:
            raise UsageError(
                f"`--config` file '{path}' is not valid YAML: {_where(error)}"
            ) from error
        if not isinstance(content, dict):
            raise UsageError(
                f"`--config` file '{path}' must hold options as `key: value`, got "
                f"{type(content).__name__}."
            )
        for key in repeated_keys(text):
            raise UsageError(
                f"`--config` file '{path}' must set each option once, got `{key.value}` again in "
                f"line {key.start_mark.line + 1}; remove one."
            )


def read_yaml(path: Path) -> Any:
    """Returns the content of a YAML file; arguments and errors as in `load_yaml`, and OSError."""
    return load_yaml(_read_text(path))


def load_yaml(text: str) -> Any:
    """Returns the content of a YAML text, with interpolations as they are written.

    Raises:
        yaml.YAMLError: if the text is not YAML, or expands to more than 20,000 values or to more
            than 50 levels.
    """
    try:
        check_expansion(text)
        return _load(text)
    except yaml.YAMLError:
        raise
    except Exception as error:  # PyYAML's: `!!int x`, a date 2001-99-99, a number of 5,000 digits
        raise yaml.YAMLError(f"a value cannot be read ({error}).") from error


def _read_text(path: str | Path) -> str:
    try:
        return read_regular(path, _MAX_BYTES).decode()
    except UnicodeDecodeError as error:
        raise yaml.YAMLError(f"{error}.") from error


def _read_part(path: Any) -> str:
    """Returns the text of a file that an option names in place of its value."""
    try:
        return _read_text(path.absolute)
    except OSError as error:
        raise yaml.YAMLError(f"'{path}' cannot be read: {error.strerror}.") from error


def _where(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return " ".join(str(error).split())
    return f"line {mark.line + 1}, column {mark.column + 1}: {getattr(error, 'problem', '')}."


jsonargparse.Path.read_text = _read_part  # type: ignore[attr-defined, method-assign, assignment]
jsonargparse.set_loader(MODE, load_yaml, (yaml.YAMLError,))
