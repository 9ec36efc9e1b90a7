"""Turns the parser's long messages into one line each.

Each rule reads the wording of jsonargparse 4; tests/commands/test_messages.py fails if it changes.
A message that no rule knows is shortened to one line.
"""

import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from jsonargparse import ArgumentParser
from lightning import Callback, LightningDataModule
from torch import nn

from commands.errors import nearest
from hawc.samplers import AbstractSampler

__all__ = ["hint", "plain_message"]

_MAX_LENGTH = 400
_MAX_GIVEN = 200  # of a quoted value
_PACKAGES = ("lightning_modules", "datamodules", "callbacks", "networks")
_CONFIGURED = (nn.Module, LightningDataModule, Callback)
_SHORT_NAMED = (
    *(*_PACKAGES, "hawc.samplers"),
    *("lightning.pytorch.callbacks", "lightning.pytorch.loggers"),
)


def plain_message(message: str, parser: ArgumentParser) -> str:
    """Returns one line with the option, the given value and the valid values."""
    for rule in (_unknown_class, _unknown_option, _missing_option, _wrong_value):
        if line := rule(message, parser):
            return line
    lines = [line.strip(" -") for line in message.splitlines() if line.strip(" -")]
    return "; ".join(lines)[:_MAX_LENGTH]


def hint(line: str) -> str:
    """Returns where modules are looked for, if the line names a missing one."""
    if "names the module" not in line:
        return ""
    return (
        f" Modules are looked for beside train.py, in the working folder '{Path.cwd()}' and on "
        "PYTHONPATH."
    )


def _unknown_class(message: str, parser: ArgumentParser) -> str | None:
    del parser
    option = _option(message)
    # a type may be a number or a class: torch's learning rates may be tensors
    takes_numbers = re.search(r"Expected an? <class '(float|int)'>", message)
    found = re.search(r"Expected a dot import path string: (\S+)", message)
    if found and not takes_numbers:
        # the message of an unknown sampler names no base class
        bases = [AbstractSampler] if option.endswith("sampler") else _base_classes(message)
        known = {name: "" for base in bases for name in _short_names(base)}
        return _class_line(option, found[1], list(known))
    if found := re.search(r"module '([\w.]+)' has no attribute '(\w+)'", message):
        module = importlib.import_module(found[1])
        # for pkg.part.Class the parser looks for the module `part` of the package
        given = re.search(r"(?:Problem with given class_path '|Got value: )([\w.]+)", message)
        if given and given[1].startswith(f"{found[1]}.{found[2]}."):
            missing = f"{found[1]}.{found[2]}"
            return f"`{option}` names the module {missing}, which does not exist."
        public = [name for name in dir(module) if not name.startswith("_")]
        names = getattr(
            module, "__all__", [n for n in public if _is_defined_in(module, vars(module)[n])]
        )
        known_here = [f"{found[1]}.{name}" for name in names]
        line = _class_line(option, f"{found[1]}.{found[2]}", known_here)
        return f"{line}{_hidden(module)}"
    returning = r"'([\w.<>]+)' (?:to be a function|does not say that it returns|is not allowed)"
    if found := re.search(returning, message):
        kind = re.search(r"\b(\w+)\] expects a function|returns <class '[\w.]*?(\w+)'>", message)
        part = (kind[1] or kind[2]) if kind else "part of the experiment"
        return (
            f"`{option}` must be a class or function that returns a {part}, got {found[1]}; "
            "annotate the return type of your own function."
        )
    if found := re.search(r"Expected '([\w.]+)' to be a subclass of <class '(\w+)'>", message):
        return f"`{option}` must be a subclass of {found[2]}, got {found[1]}."
    if found := re.search(r"No module named '([\w.]+)'", message):
        return f"`{option}` names the module {found[1]}, which does not exist."
    return None


def _is_defined_in(module: ModuleType, value: object) -> bool:
    is_named = inspect.isclass(value) or inspect.isfunction(value)
    return is_named and value.__module__ == module.__name__


def _hidden(module: ModuleType) -> str:
    """Returns a sentence if the working folder has an unused module of that name."""
    package = module.__name__.partition(".")[0]
    taken = Path(importlib.import_module(package).__file__ or "").resolve()
    for path in (Path(f"{package}.py"), Path(package)):
        if path.exists() and not taken.is_relative_to(path.resolve()):
            return f" The {package} in the working folder is not imported; give it another name."
    return ""


def _class_line(option: str, given: str, known: list[str]) -> str:
    ours = [name for name in known if _is_ours(name)] or known
    return f"`{option}` names an unknown class {given}.{nearest(given, known)}{_listed(ours)}"


def _listed(names: list[str]) -> str:
    """Returns a sentence with all names, with their common package named once."""
    packages = {name.rpartition(".")[0] for name in names}
    package = packages.pop() if len(packages) == 1 else ""
    where = f" in {package}" if package else ""
    shown = sorted(name.removeprefix(f"{package}.") for name in names)
    return f" Known{where}: {', '.join(shown)}." if names else ""


def _is_ours(name: str) -> bool:
    return any(hasattr(importlib.import_module(package), name) for package in _PACKAGES)


def _unknown_option(message: str, parser: ArgumentParser) -> str | None:
    found = re.search(
        r"Option '([^']+)' is not accepted|does not accept option '([^']+)'"
        r"|unrecognized arguments: --(\S+)|unrecognized arguments: (\S+)",
        message,
    )
    if found is None:
        return None
    given = next(part for part in found.groups() if part).split("=")[0]
    suggestion = nearest(given, _known_options(parser, nested="." in given))
    return f"unknown option `{given}`.{suggestion} See train.py {sys.argv[1]} --help."


def _missing_option(message: str, parser: ArgumentParser) -> str | None:
    found = re.search(r"arguments are required: ([\w., ]+)", message)
    if found is None:
        return None
    # options come as <command>.<name>, arguments of a class as <name>
    names = [f"`{name.partition('.')[2] or name}`" for name in found[1].split(", ")]
    owner = "" if "." in found[1] else _class_of(parser)
    return f"{', '.join(names)}{owner} must be given. See train.py {sys.argv[1]} --help."


def _class_of(parser: ArgumentParser) -> str:
    """Returns " of X" for the parser of one class X, otherwise an empty string."""
    groups = list(parser.groups or {})
    return f" of {groups[0]}" if len(groups) == 1 else ""


def _wrong_value(message: str, parser: ArgumentParser) -> str | None:
    del parser
    given = re.search(r"(?:Given value|Got value): ([^\n]*)", message)
    # for a union with null the first error is the relevant one
    of_class = re.search(r"Errors:\s+- Not a valid subclass of (\w+)", message)
    if given and of_class:
        return (
            f"`{_option(message)}` must be a subclass of {of_class[1]}, named by its path or by "
            f"class_path and init_args, got {given[1][:_MAX_GIVEN]}."
        )
    expected = re.findall(r"Expected an? (?!path |dot )(.+?)(?:\. Got|\n|$)", message)
    kinds = [re.sub(r"<class '([^']+)'>|typing\.", r"\1", kind) for kind in expected]
    if given is None or not kinds:
        return None
    wanted = " or ".join(dict.fromkeys("null" if kind == "NoneType" else kind for kind in kinds))
    choices = re.findall(r"'(\w+)'", "".join(kind for kind in kinds if kind[:8] == "Literal["))
    suggestion = nearest(given[1], choices)
    if {"list", "collections.abc.Sequence"} & set(kinds) and not given[1].startswith("["):
        suggestion += f" Write it as '[{given[1][:_MAX_GIVEN]}]', or several as '[a, b]'."
    return f"`{_option(message)}` must be {wanted}, got {given[1][:_MAX_GIVEN]}.{suggestion}"


def _option(message: str) -> str:
    found = re.search(r'Parser key "([^"]+)"', message)
    return found[1] if found else "option"


def _base_classes(message: str) -> Iterator[type]:
    for path in dict.fromkeys(re.findall(r"[\w.]+\.[A-Z]\w+", message)):
        module, _, name = path.rpartition(".")
        try:
            found = getattr(importlib.import_module(module), name, None)
        except ImportError:
            continue
        if isinstance(found, type):
            yield found


def _short_names(base: type) -> Iterator[str]:
    """Yields the names of known concrete subclasses, which YAML accepts."""
    for cls in _subclasses(base):
        public = not cls.__name__.startswith("_") and not inspect.isabstract(cls)
        if public and cls.__module__.startswith(_SHORT_NAMED):
            yield cls.__name__


def _subclasses(base: type) -> Iterator[type]:
    for cls in base.__subclasses__():
        yield cls
        yield from _subclasses(cls)


def _known_options(parser: ArgumentParser, nested: bool) -> Iterator[str]:
    """Yields the options of the parser, then the constructor arguments of our classes."""
    for action in parser._actions:  # private: docs/private-names.md
        yield action.dest
        choices = action.choices if isinstance(action.choices, dict) else {}
        for subparser in choices.values():
            yield from _known_options(subparser, nested)
    if not nested:
        for package in _PACKAGES:
            for value in vars(importlib.import_module(package)).values():
                if isinstance(value, type) and issubclass(value, _CONFIGURED):
                    yield from inspect.signature(value).parameters
