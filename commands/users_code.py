"""Where an error comes from: an option, or code that the user has written.

A mistake on the command line is told in one line. An error of the user's own network, data module
or callback keeps its file and line, or its whole traceback.
"""

import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path

from lightning.fabric.utilities.exceptions import MisconfigurationException

__all__ = ["origin", "place_in_users_code", "refuses_arguments"]

_ROOT = Path(__file__).resolve().parent.parent
_OWN = ("callbacks", "commands", "datamodules", "hawc", "lightning_modules", "metrics", "networks")
_OURS = (*(_ROOT / package for package in _OWN), _ROOT / "train.py")
_STDLIB = tuple({Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")})
_INSTALLED = ("site-packages", "dist-packages")
# what a constructor raises, ours or a library's, that does not like its arguments
_OF_ARGUMENTS = (
    *(ValueError, TypeError, RuntimeError, OSError, ImportError),
    MisconfigurationException,
)


def origin(error: BaseException) -> BaseException:
    """Returns the error that the parser's own, which wrap one another, were made from.

    If there are several, since the parser tries one type after the other, it is the user's.
    """
    leaves = list(_leaves(error))
    return next((leaf for leaf in leaves if place_in_users_code(leaf)), leaves[0])


def place_in_users_code(error: BaseException) -> str | None:
    """Returns file and line of the user's innermost code that an error passed, None if none."""
    if isinstance(error, SyntaxError) and _is_users(error.filename):
        return f"{_shown(error.filename)}, line {error.lineno}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if _is_users(frame.filename):
            return f"{_shown(frame.filename)}, line {frame.lineno}"
    return None


def refuses_arguments(error: BaseException) -> bool:
    """Returns whether a constructor refuses what it was given, rather than being wrong itself.

    The code of the user does so by a ValueError, raised there or in a class of ours that it uses;
    all other code by whatever is usual.
    """
    if place_in_users_code(error) is None:
        return isinstance(error, _OF_ARGUMENTS)
    frames = traceback.extract_tb(error.__traceback__)
    return isinstance(error, ValueError) and not _is_librarys(frames[-1].filename)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    frames = list(traceback.walk_tb(error.__traceback__))
    innermost = frames[-1][0] if frames else None
    if innermost is None or not str(innermost.f_globals.get("__name__")).startswith("jsonargparse"):
        yield error
        return
    # of the errors of a union's types only the first is the cause of the one that is raised; the
    # name is private, and tests/commands/test_users_code.py fails if it goes
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
    return not any(Path(file).resolve().is_relative_to(place) for place in _OURS)


def _is_librarys(file: str) -> bool:
    if file.startswith("<"):  # made while the program runs, or by Python itself
        return True
    path = Path(file).resolve()
    in_stdlib = any(path.is_relative_to(place) for place in _STDLIB)
    return in_stdlib or any(part in _INSTALLED for part in path.parts)


def _shown(file: str | None) -> Path:
    path = Path(file or "").resolve()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
