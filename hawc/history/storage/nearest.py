"""The nearest of several texts, for a message about one that does not exist."""

from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["excerpt", "first_difference", "nearest"]

_LONG = 60  # characters; a longer text is cut in a message, and compared word by word
_SHOWN = 57
_BEFORE = 20  # characters shown before the place of interest


def nearest(text: str, others: Iterable[str], count: int, cutoff: float = 0.4) -> list[str]:
    """Returns at most `count` similar texts, the most similar first.

    Texts of more than 60 characters are compared by words: by characters, difflib ignores all
    frequent ones in a long text, and takes seconds for a prompt of thousands.

    Args:
        text: that does not exist.
        others: that exist.
        count: at least 1.
        cutoff: the least similarity, from 0 to 1.
    """
    known = list(others)
    if len(text) <= _LONG:
        return get_close_matches(text, known, count, cutoff)
    scored = [(_similarity(text, other), other) for other in known]
    best = sorted((pair for pair in scored if pair[0] >= cutoff), key=lambda pair: -pair[0])
    return [other for _, other in best[:count]]


def first_difference(text: str, other: str) -> int:
    """Returns the number of characters that two texts share at their beginnings."""
    pairs = enumerate(zip(text, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(text), len(other)))


def excerpt(text: str, around: int = 0) -> str:
    """Returns a text in quotes; of more than 60 characters those around one place."""
    if len(text) <= _LONG:
        return repr(text)
    first = max(0, min(around - _BEFORE, len(text) - _SHOWN))
    last = first + _SHOWN
    before, after = "..." if first else "", "..." if last < len(text) else ""
    return f"{before}{text[first:last]!r}{after} ({len(text)} characters)"


def _similarity(text: str, other: str) -> float:
    """Returns the share of equal words or, for scripts without spaces, of equal ends."""
    start = first_difference(text, other)
    end = first_difference(text[start:][::-1], other[start:][::-1])
    words, others = Counter(text.split()), Counter(other.split())
    equal = 2 * (words & others).total() / max(1, words.total() + others.total())
    return max(equal, (start + end) / max(len(text), len(other)))
