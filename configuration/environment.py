"""Environment variables in configurations: used by the run, but written nowhere.

`${oc.env:NAME}` may stand for a password. config.yaml, W&B, hparams.yaml, checkpoints and messages
keep the text, and so do options that refer to such an option.
"""

import contextlib
import inspect
import os
import re
from collections.abc import Iterator
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.resolvers import oc

from configuration.interpolations import bounded_expansion

__all__ = [
    "Place",
    "forget_environment",
    "hide_environment",
    "keep_as_written",
    "note_environment",
    "text_as_written",
]

Place = tuple[str | int, ...]

_MIN_HIDDEN = 4  # characters; a shorter value is a number or a flag, which messages need
_values: dict[str, str] = {}  # of variables that were read, with the text that stands for them
_places: dict[Place, str] = {}  # of the command's configuration that depend on a variable


def forget_environment() -> None:
    """Forgets the variables of an earlier command of this process."""
    _values.clear()
    _places.clear()


def note_environment(text: str, command: str) -> None:
    """Notes which values of a configuration, before it is resolved, depend on a variable.

    Args:
        text: the configuration, as YAML.
        command: the key of the values that count.

    Raises:
        InterpolationResolutionError: if the values expand to too much.
    """
    if "${" not in text:
        return
    content = yaml.safe_load(text)
    root = OmegaConf.create(content)
    with bounded_expansion():
        for place, written in _texts(content[command], ()):
            _read.clear()
            with contextlib.suppress(Exception):  # the parser resolves next, and reports it
                value: Any = root
                for key in (command, *place):
                    value = value[key]
                _resolve_within(value)
            if _read:
                _places[place] = written


def keep_as_written(content: Any) -> None:
    """Replaces values that depend on a variable, in place, by their text in the configuration."""
    for (*above, key), text in _places.items():
        holder = content
        with contextlib.suppress(KeyError, IndexError, TypeError):
            for part in above:
                holder = holder[part]
            if holder[key] is not None:  # otherwise the program has taken the value away
                holder[key] = text


def text_as_written(text: str, command: str | None) -> str:
    """Returns a resolved configuration with the texts that `keep_as_written` restores.

    Args:
        text: the configuration, as YAML.
        command: the key of its values, None if they are not below a key.
    """
    if not _places:
        return text
    content = yaml.safe_load(text)
    keep_as_written(content[command] if command else content)
    return yaml.safe_dump(content, sort_keys=False)


def hide_environment(message: str) -> str:
    """Returns a message with the names of variables in place of their values."""
    for value, text in _values.items():
        message = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", lambda _, text=text: text, message)
    return message


def _resolve_within(value: Any) -> None:
    """Resolves one part after the other; OmegaConf's own function is not bounded."""
    if OmegaConf.is_config(value) and "${" in str(OmegaConf.to_container(value)):
        for key in value if OmegaConf.is_dict(value) else range(len(value)):
            if not OmegaConf.is_missing(value, key):
                _resolve_within(value[key])


def _texts(value: Any, place: Place) -> Iterator[tuple[Place, str]]:
    """Yields place and text of each text with an interpolation."""
    if isinstance(value, str) and "${" in value:
        yield place, value
    elif isinstance(value, (dict, list)):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(part, (*place, key))


_read: list[str] = []  # names of variables, since the list was cleared


def _variable(name: str, *default: Any) -> Any:
    _read.append(name)
    value = oc.env(name, *default)
    if isinstance(value, str) and len(value) >= _MIN_HIDDEN and os.environ.get(name) == value:
        _values[value] = f"${{oc.env:{name}}}"
    return value


# OmegaConf 2.4 deprecates the second name; in 2.3 the first one is of an earlier interface
_register: Any = OmegaConf.register_resolver
if "replace" not in inspect.signature(_register).parameters:
    _register = OmegaConf.register_new_resolver
_register("oc.env", _variable, replace=True)
