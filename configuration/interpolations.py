"""Bounds of interpolations: what they expand to is counted while they are resolved.

A few lines such as `a: ${b}${b}`, `b: ${c}${c}` can stand for billions of characters.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from omegaconf import OmegaConf
from omegaconf.base import Container
from omegaconf.errors import InterpolationResolutionError

__all__ = ["bounded_expansion"]

_MOST = 1_000_000  # values and characters that the interpolations of a configuration expand to
_OF_ONE = 1_000  # counted for each interpolation, which takes some milliseconds
_resolve = Container.resolve_parse_tree


@contextmanager
def bounded_expansion() -> Iterator[None]:
    """Bounds what interpolations expand to in this context; each counts as 1,000 characters.

    Raises:
        InterpolationResolutionError: at the end, if they expand to more than a million values and
            characters; the rest of them was not resolved.
    """
    left = _MOST

    def counted(self: Container, *arguments: Any, **options: Any) -> Any:
        nonlocal left
        if left >= 0:
            found = _resolve(self, *arguments, **options)
            left -= _OF_ONE + _size(found)
        if left < 0:
            raise _too_much()
        return found

    Container.resolve_parse_tree = counted  # type: ignore[method-assign]
    try:
        yield
    finally:
        Container.resolve_parse_tree = _resolve  # type: ignore[method-assign]
    if left < 0:
        raise _too_much()


def _too_much() -> InterpolationResolutionError:
    error = InterpolationResolutionError(
        f"it expands to more than {_MOST:,} values and characters; write it out"
    )
    error.full_key = "--config"  # shown in the message
    return error


def _size(value: Any) -> int:
    """Returns the number of values, and of characters of texts."""
    if OmegaConf.is_config(value):
        value = OmegaConf.to_container(value)
    if isinstance(value, dict):
        return 1 + sum(map(_size, value.values()))
    if isinstance(value, list):
        return 1 + sum(map(_size, value))
    return 1 + len(str(value))  # a text may be a node of OmegaConf
