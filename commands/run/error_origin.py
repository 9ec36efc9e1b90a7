"""Where an error comes from: an option, or code that the user has written.

A mistake on the command line is told in one line. A bug in a network, data module, callback or
model keeps its file and line, or its whole traceback, wherever the file lies.
"""

import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path

from lightning.fabric.utilities.exceptions import MisconfigurationException

__all__ = ["is_bug", "origin", "place_in_users_code", "refuses_arguments", "refuses_options"]

_ROOT = Path(__file__).resolve().parents[2]
_OWN = ("callbacks", "commands", "datamodules", "hawc", "lightning_modules", "metrics", "networks")
_OURS = (*(_ROOT / package for package in _OWN), _ROOT / "train.py")
# users add code of their own to these; `commands` runs it and is in every traceback
_CONFIGURED = tuple(_ROOT / package for package in _OWN if package != "commands")
_STDLIB = tuple({Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")})
_INSTALLED = ("site-packages", "dist-packages")
# what a constructor raises, ours or a library's, that does not like its arguments
_OF_ARGUMENTS = (
    *(ValueError, TypeError, RuntimeError, OSError, ImportError),
    MisconfigurationException,
)
# where Lightning refuses options once the training has begun; elsewhere, what a hook of ours does
_OF_OPTIONS = tuple(
    f"lightning.pytorch.{part}"
    for part in (
        "callbacks.",
        "loops.fit_loop",
        "plugins.precision.",
        "trainer.connectors.data_connector",
    )
)


def origin(error: BaseException) -> BaseException:
    """Returns the error that the parser's own, which wrap one another, were made from.

    If there are several, since the parser tries one type after the other, it is the bug.
    """
    leaves = list(_leaves(error))
    return next((leaf for leaf in leaves if is_bug(leaf)), leaves[0])


def is_bug(error: BaseException) -> bool:
    """Returns whether an error of the parser comes from code that the options name."""
    if place_in_users_code(error):
        return True
    return _passed(error, _CONFIGURED) and not refuses_arguments(error)


def place_in_users_code(error: BaseException) -> str | None:
    """Returns file and line of the user's innermost code that an error passed, None if none."""
    if isinstance(error, SyntaxError) and _is_users(error.filename):
        return f"{_shown(error.filename)}, line {error.lineno}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if _is_users(frame.filename):
            return f"{_shown(frame.filename)}, line {frame.lineno}"
    return None


def refuses_arguments(error: BaseException) -> bool:
    """Returns whether a constructor refuses its arguments, rather than being wrong itself.

    A class of the user refuses by a ValueError of its own or of a class of ours. A class of the
    packages here refuses by any ValueError, or by another error that it raises itself. A library
    also refuses by other errors, such as a TypeError.
    """
    frames = traceback.extract_tb(error.__traceback__)
    if place_in_users_code(error):
        return isinstance(error, ValueError) and not _is_librarys(frames[-1].filename)
    if not isinstance(error, _OF_ARGUMENTS):
        return False
    if isinstance(error, (ValueError, MisconfigurationException)):
        return True
    if not _passed(error, _CONFIGURED):
        return True
    # the parser calls the class: then the arguments do not suit its signature
    is_call = "jsonargparse" in Path(frames[-1].filename).parts
    is_raised = (frames[-1].line or "").startswith("raise ") and not _is_librarys(
        frames[-1].filename
    )
    return is_call or is_raised


def refuses_options(error: BaseException) -> bool:
    """Returns whether Lightning refuses options once the training has begun."""
    if isinstance(error, MisconfigurationException):
        *_, (frame, _) = traceback.walk_tb(error.__traceback__)
        return str(frame.f_globals["__name__"]).startswith(_OF_OPTIONS)
    said = str(error).lstrip()
    return said.startswith(("Early stopping conditioned on metric", "`val_check_interval`"))


def _leaves(error: BaseException) -> Iterator[BaseException]:
    frames = list(traceback.walk_tb(error.__traceback__))
    innermost = frames[-1][0] if frames else None
    if innermost is None or not str(innermost.f_globals.get("__name__")).startswith("jsonargparse"):
        yield error
        return
    # of the errors of a union's types only the first is the cause of the one that is raised; the
    # name is private, and tests/commands/run/test_error_origin.py fails if it goes
    tried = innermost.f_locals.get("exceptions")
    wrapped = tried if isinstance(tried, list) else [error.__cause__ or error.__context__]
    found = [part for part in wrapped if isinstance(part, BaseException)]
    for part in found:
        yield from _leaves(part)
    if not found:
        yield error


def _is_users(file: str | None) -> bool:
    if not file or _is_librarys(file):
        return False
    return not _is_in(file, _OURS)


def _passed(error: BaseException, places: tuple[Path, ...]) -> bool:
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        files.append(error.filename)
    return any(_is_in(file, places) and not _is_librarys(file) for file in files)


def _is_in(file: str, places: tuple[Path, ...]) -> bool:
    return any(Path(file).resolve().is_relative_to(place) for place in places)


def _is_librarys(file: str) -> bool:
    if file.startswith("<"):  # made while the program runs, or by Python itself
        return True
    path = Path(file).resolve()
    in_stdlib = any(path.is_relative_to(place) for place in _STDLIB)
    return in_stdlib or any(part in _INSTALLED for part in path.parts)


def _shown(file: str | None) -> Path:
    path = Path(file or "").resolve()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
