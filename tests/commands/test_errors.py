"""One line and a status; the most similar word."""

import pytest

from commands.errors import exit_with_error, nearest


def test_the_message_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        exit_with_error("wrong\n  in two lines", status=3)
    assert ended.value.code == 3
    assert capsys.readouterr().err == "train.py: error: wrong in two lines\n"


def test_foreign_text_is_shown_as_text_and_cut(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        exit_with_error("'\x1b]0;title\x07\u202e\udcff' is wrong: " + "x" * 10**6)
    line = capsys.readouterr().err
    assert line.startswith(r"train.py: error: '\x1b]0;title\x07\u202e\udcff' is wrong: xxx")
    assert line.endswith("x...\n")
    assert len(line) < 900


@pytest.mark.parametrize("launcher", ["LOCAL_RANK", "SLURM_LOCALID"])
def test_one_process_of_a_node_prints_what_all_of_them_see(
    launcher: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(launcher, "1")
    with pytest.raises(SystemExit) as ended:
        exit_with_error("a mistake")
    assert ended.value.code == 2
    assert capsys.readouterr().err == ""
    with pytest.raises(SystemExit):
        exit_with_error("an accident", status=1)
    assert capsys.readouterr().err.startswith("train.py: error: an accident (process 1 on ")


def test_a_process_of_another_node_names_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"SLURM_PROCID": "4", "SLURM_LOCALID": "0", "SLURMD_NODENAME": "n2"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        exit_with_error("no data")
    assert capsys.readouterr().err == "train.py: error: no data (process 4 on n2)\n"


def test_nearest() -> None:
    assert nearest("latnt_dim", ["clip", "latent_dim"]) == " Did you mean latent_dim?"
    assert nearest("latent_dim", ["latent_dim"]) == ""
    assert nearest("xyz", ["latent_dim"]) == ""
