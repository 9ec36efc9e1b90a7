"""Tables for a terminal: aligned, also with wide characters, and not wider than the terminal."""

import pytest

from hawc.gallery_commands.table import table
from hawc.printable import display_width


def test_columns_are_aligned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    lines = list(table(["A", "B", "C"], [["漢字", "1", "x"], ["b", "", "y" * 100]]))
    assert lines == ["A     B  C", "漢字  1  x", f"b        {'y' * 28}..."]
    assert max(map(display_width, lines)) == 40


def test_the_last_column_keeps_a_few_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "10")
    head, line = table(["A", "B"], [["a" * 50, "b" * 50]])
    assert line == f"{'a' * 33}...  {'b' * 17}..."
    assert head.split() == ["A", "B"]


def test_cells_stay_on_their_line() -> None:
    assert list(table(["A", "B"], [["a\nb", "\x1b[31m"]])) == ["A     B", "a\\nb  \\x1b[31m"]
