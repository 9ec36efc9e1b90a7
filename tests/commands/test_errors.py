"""One line and a status; the nearest word; the message at the bottom of a chain."""

import pytest

from commands.errors import fail, nearest


def test_fail_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        fail("wrong\n  in two lines", status=3)
    assert ended.value.code == 3
    assert capsys.readouterr().err == "train.py: error: wrong in two lines\n"


@pytest.mark.parametrize("launcher", ["LOCAL_RANK", "SLURM_LOCALID"])
def test_one_process_of_a_node_speaks_of_what_all_of_it_see(
    launcher: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(launcher, "1")
    with pytest.raises(SystemExit) as ended:
        fail("a mistake")
    assert ended.value.code == 2
    assert capsys.readouterr().err == ""
    with pytest.raises(SystemExit):
        fail("an accident", status=1)
    assert capsys.readouterr().err.startswith("train.py: error: an accident (process 1 on ")


def test_a_process_of_another_node_says_where_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"SLURM_PROCID": "4", "SLURM_LOCALID": "0", "SLURMD_NODENAME": "n2"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        fail("no data")
    assert capsys.readouterr().err == "train.py: error: no data (process 4 on n2)\n"


def test_nearest() -> None:
    assert nearest("latnt_dim", ["clip", "latent_dim"]) == " Did you mean latent_dim?"
    assert nearest("latent_dim", ["latent_dim"]) == ""
    assert nearest("xyz", ["latent_dim"]) == ""
