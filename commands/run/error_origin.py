"""Tells mistakes of the command line from bugs in code that the options name.

A mistake becomes one line. A bug in a network, data module, callback or model keeps its file and
line, or its whole traceback.
"""

import traceback
from collections.abc import Iterator
from pathlib import Path

from lightning.fabric.utilities.exceptions import MisconfigurationException

from configuration.makers import OUR_PACKAGES, is_of_library

__all__ = ["is_bug", "origin", "refuses_arguments", "refuses_options", "user_code_location"]

_ROOT = Path(__file__).resolve().parents[2]
_OURS = (*(_ROOT / package for package in OUR_PACKAGES), _ROOT / "train.py")
# users may add code to these packages; `commands` runs it and is in every traceback
_CONFIGURED = tuple(_ROOT / package for package in OUR_PACKAGES if package != "commands")
# what a constructor, ours or a library's, raises when it refuses its arguments
_OF_ARGUMENTS = (
    *(ValueError, TypeError, RuntimeError, OSError, ImportError),
    MisconfigurationException,
)
# modules in which Lightning refuses options after the training has begun; in other modules it
# refuses what one of our hooks does
_OF_OPTIONS = tuple(
    f"lightning.pytorch.{part}"
    for part in (
        *("callbacks.", "loops.fit_loop", "plugins.precision."),
        "trainer.connectors.data_connector",
    )
)


def origin(error: BaseException) -> BaseException:
    """Returns the error behind the parser's own errors, which wrap one another.

    The parser tries the types of a union in turn, so there may be several. A bug comes first.
    """
    leaves = list(_leaves(error))
    return next((leaf for leaf in leaves if is_bug(leaf)), leaves[0])


def is_bug(error: BaseException) -> bool:
    """Returns whether an error is a bug in code that the options name."""
    if user_code_location(error):
        return True
    return _passed(error, _CONFIGURED) and not refuses_arguments(error)


def user_code_location(error: BaseException) -> str | None:
    """Returns file and line of the innermost user code in a traceback, or None."""
    if isinstance(error, SyntaxError) and _is_users(error.filename):
        return f"{_shown(error.filename)}, line {error.lineno}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if _is_users(frame.filename):
            return f"{_shown(frame.filename)}, line {frame.lineno}"
    return None


def refuses_arguments(error: BaseException) -> bool:
    """Returns whether a constructor refuses its arguments, rather than having a bug.

    - A user's class refuses by a ValueError raised in its code or in ours.
    - A class of this repository refuses by any ValueError, or by another error that it raises.
    - A library also refuses by other errors, such as a TypeError.
    """
    frames = traceback.extract_tb(error.__traceback__)
    if user_code_location(error):
        return isinstance(error, ValueError) and not is_of_library(frames[-1].filename)
    if not isinstance(error, _OF_ARGUMENTS):
        return False
    if isinstance(error, (ValueError, MisconfigurationException)):
        return True
    if not _passed(error, _CONFIGURED):
        return True
    # raised by the call itself: the arguments do not fit the signature
    is_call = "jsonargparse" in Path(frames[-1].filename).parts
    is_raised = (frames[-1].line or "").startswith("raise ") and not is_of_library(
        frames[-1].filename
    )
    return is_call or is_raised


def refuses_options(error: BaseException) -> bool:
    """Returns whether Lightning refuses options after the training has begun."""
    if isinstance(error, MisconfigurationException):
        *_, (frame, _) = traceback.walk_tb(error.__traceback__)
        return str(frame.f_globals["__name__"]).startswith(_OF_OPTIONS)
    message = str(error).lstrip()
    return message.startswith(("Early stopping conditioned on metric", "`val_check_interval`"))


def _leaves(error: BaseException) -> Iterator[BaseException]:
    frames = list(traceback.walk_tb(error.__traceback__))
    innermost = frames[-1][0] if frames else None
    if innermost is None or not str(innermost.f_globals.get("__name__")).startswith("jsonargparse"):
        yield error
        return
    # each type of a union has its error; only the first one is the cause of the raised error.
    # `exceptions` is a local variable of jsonargparse (docs/private-names.md)
    tried = innermost.f_locals.get("exceptions")
    wrapped = tried if isinstance(tried, list) else [error.__cause__ or error.__context__]
    found = [part for part in wrapped if isinstance(part, BaseException)]
    for part in found:
        yield from _leaves(part)
    if not found:
        yield error


def _is_users(file: str | None) -> bool:
    if not file or is_of_library(file):
        return False
    return not _is_in(file, _OURS)


def _passed(error: BaseException, places: tuple[Path, ...]) -> bool:
    # the `__getattr__` of a module reports a missing name, as Python does without one
    frames = traceback.extract_tb(error.__traceback__)
    files = [frame.filename for frame in frames if frame.name != "__getattr__"]
    if isinstance(error, SyntaxError) and error.filename:
        files.append(error.filename)
    return any(_is_in(file, places) and not is_of_library(file) for file in files)


def _is_in(file: str, places: tuple[Path, ...]) -> bool:
    return any(Path(file).resolve().is_relative_to(place) for place in places)


def _shown(file: str | None) -> Path:
    path = Path(file or "").resolve()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
