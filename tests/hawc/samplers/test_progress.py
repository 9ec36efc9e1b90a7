"""Progress is shown by tqdm or the user's function."""

import sys

import pytest

from hawc.samplers.progress import progress_of


def test_shows_nothing_by_default() -> None:
    assert [*progress_of(False)([1, 2])] == [1, 2]  # type: ignore[list-item]


def test_says_that_tqdm_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ValueError, match="`progress` needs the package tqdm"):
        progress_of(True)


def test_uses_tqdm(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    assert [*progress_of(True)([1, 2])] == [1, 2]  # type: ignore[list-item]
    assert "decoding" in capsys.readouterr().err
