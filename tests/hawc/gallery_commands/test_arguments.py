"""The arguments of each command, and their defaults."""

from pathlib import Path

import pytest

from hawc.gallery_commands.arguments import parsed


def test_defaults() -> None:
    show = parsed(["gallery", "show", "a.db"])
    assert (show.url, show.gallery, show.condition, show.tag, show.id) == ("a.db", *[None] * 4)
    sheet = parsed(["gallery", "sheet", "a.db", "b.png"])
    assert (sheet.file, sheet.columns, sheet.side, sheet.folder) == (Path("b.png"), None, 128, None)


def test_options_may_stand_anywhere() -> None:
    names = ["--gallery", "g", "--condition", ""]
    for arguments in (["a.db", *names, "3", "7-9"], ["a.db", "3", "7-9", *names]):
        forget = parsed(["gallery", "forget", *arguments])
        assert (forget.gallery, forget.condition, forget.ids) == ("g", "", ["3", "7-9"])
        assert not forget.yes


@pytest.mark.parametrize("text", ["-1", "1.5", "", "²", "0x1"])
def test_ids_are_whole_numbers(text: str) -> None:
    with pytest.raises(ValueError, match="--id: must be a whole number of at least 0"):
        parsed(["gallery", "show", "a.db", f"--id={text}"])


def test_what_is_required() -> None:
    for command in ("forget", "export"):
        with pytest.raises(ValueError, match="required: --gallery"):
            parsed(["gallery", command, "a.db", "x.npz"])
