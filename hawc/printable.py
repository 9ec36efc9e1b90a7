r"""Text of files and arguments made safe to show, since it may come from strangers.

A terminal obeys escape sequences within a text, and characters that change the direction of writing
make a text look like another one. Here both become visible, as Python writes them: `\x1b`.
"""

import sys
import unicodedata

__all__ = ["display_width", "print_line", "printable", "shortened"]

_JOINERS = "\u200c\u200d"  # join parts of emoji and letters of Indic and Persian scripts


def printable(text: str, *, keep_newlines: bool = False) -> str:
    r"""Returns the text with control and format characters as escapes.

    Args:
        text: any text, with lone surrogates too.
        keep_newlines: whether line breaks stay as they are; else they become `\n`.

    Example:
        >>> printable("red\x1b[31m")
        'red\\x1b[31m'
    """
    return "".join(
        c if c.isprintable() or c in _JOINERS or (keep_newlines and c == "\n") else _escaped(c)
        for c in text
    )


def print_line(text: str = "", *, error: bool = False) -> None:
    """Prints one line to stdout, or to stderr if `error`; control characters become escapes."""
    print(printable(text), file=sys.stderr if error else sys.stdout)


def shortened(text: str, width: int) -> str:
    """Returns the printable text, cut to `width` columns and ended by "..." if longer.

    Args:
        text: any text.
        width: columns of a terminal, at least 4.
    """
    # a prompt of a million characters is not worth escaping whole
    shown = printable(text[: width + 1])
    if display_width(shown) <= width:
        return shown
    kept = width - len("...")
    while display_width(shown) > kept:
        shown = shown[:-1]
    return f"{shown}..."


def display_width(text: str) -> int:
    """Returns the columns of printable text in a terminal, two for a wide character."""
    return sum(_columns(c) for c in text)


def _columns(character: str) -> int:
    if character in _JOINERS or unicodedata.combining(character) or character == "\ufe0f":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
