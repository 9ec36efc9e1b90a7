"""Text of strangers: nothing that a terminal obeys, at most as wide as asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawc.printable import display_width, print_line, printable, shortened


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a café, 漢字 😀", "a café, 漢字 😀"),
        ("\x1b[31mred\x1b]0;title\x07", "\\x1b[31mred\\x1b]0;title\\x07"),
        ("one\r\ntwo\t", "one\\r\\ntwo\\t"),
        ("\u202egnp.exe", "\\u202egnp.exe"),  # turns the direction of writing
        ("\x9b31m\udc80\U000e0001", "\\x9b31m\\udc80\\U000e0001"),
        ("👩\u200d🎨", "👩\u200d🎨"),
    ],
)
def test_control_and_format_characters_become_visible(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_newlines_may_stay() -> None:
    assert printable("a\nb\r", keep_newlines=True) == "a\nb\\r"


@given(st.text(), st.integers(4, 40))
def test_shortened_text_fits(text: str, width: int) -> None:
    shown = shortened(text, width)
    assert display_width(shown) <= width
    assert shown == printable(text) or shown.endswith("...")
    assert printable(shown) == shown


def test_wide_characters_take_two_columns() -> None:
    assert display_width("ab漢😀e\u0301") == 2 + 4 + 1
    assert shortened("漢字漢字", 6) == "漢..."
    assert shortened("漢字漢", 6) == "漢字漢"


def test_a_long_prompt_is_cut_at_once() -> None:
    assert shortened("x" * 10**7, 8) == "xxxxx..."


def test_a_line_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_line("a\x1b[2J\nb")
    print_line()
    assert capsys.readouterr().out == "a\\x1b[2J\\nb\n\n"
