"""Tables of text for a terminal: aligned columns, of which the last takes the rest."""

import shutil
from collections.abc import Iterator, Sequence

from hawc.printable import display_width, shortened

__all__ = ["table"]

_WIDEST = 36  # columns of a terminal for any cell but those of the last column
_NARROWEST = 20  # for the last column
_GAP = "  "


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yields the lines of a table, as wide as the terminal at most where possible.

    Args:
        heads: of the columns.
        rows: cells of any text; long ones are shortened.
    """
    lines = [heads, *rows]
    cells = [[shortened(cell, _WIDEST) for cell in line[:-1]] for line in lines]
    widths = [max(display_width(cell) for cell in column) for column in zip(*cells, strict=True)]
    terminal = shutil.get_terminal_size((100, 24)).columns
    rest = max(_NARROWEST, terminal - sum(widths) - len(_GAP) * len(widths))
    for line, beginning in zip(lines, cells, strict=True):
        parts = [
            cell + " " * (width - display_width(cell))
            for cell, width in zip(beginning, widths, strict=True)
        ]
        yield _GAP.join([*parts, shortened(line[-1], rest)]).rstrip()
