"""One line and a status; the nearest word; the message at the bottom of a chain."""

import pytest

from commands.errors import fail, innermost_message, nearest


def test_fail_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        fail("wrong\n  in two lines", status=3)
    assert ended.value.code == 3
    assert capsys.readouterr().err == "train.py: error: wrong in two lines\n"


def test_nearest() -> None:
    assert nearest("latnt_dim", ["clip", "latent_dim"]) == " Did you mean latent_dim?"
    assert nearest("latent_dim", ["latent_dim"]) == ""
    assert nearest("xyz", ["latent_dim"]) == ""


def test_innermost_message() -> None:
    wrapped = RuntimeError("wrapped")
    wrapped.__cause__ = ValueError("the reason")
    assert innermost_message(wrapped) == "the reason"
    assert innermost_message(ValueError("alone")) == "alone"
