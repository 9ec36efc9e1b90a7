"""What happens to errors that are neither a usage error nor ours."""

import errno
import sys

import pytest
import wandb

from commands import main


class Broken:
    """Stands where the experiment would; raises what it is told to."""

    error: BaseException

    def __init__(self) -> None:
        raise self.error


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> type[Broken]:
    monkeypatch.setattr(sys, "argv", ["train.py", "fit", "--model", "WGAN"])
    monkeypatch.setattr(main, "ExperimentCLI", Broken)
    return Broken


def test_full_disk(broken: type[Broken], capsys: pytest.CaptureFixture[str]) -> None:
    for number in (errno.ENOSPC, errno.EDQUOT):
        broken.error = OSError(number, "No space left on device")
        with pytest.raises(SystemExit) as ended:
            main.run()
        assert ended.value.code == 1
        assert "no space is left on a disk; free some" in capsys.readouterr().err
    broken.error = OSError(errno.ENOSPC, "No space left on device", "runs/x/last.ckpt")
    with pytest.raises(SystemExit):
        main.run()
    expected = "no space is left on a disk ('runs/x/last.ckpt' is as it was); free some"
    assert expected in capsys.readouterr().err


@pytest.mark.parametrize(
    "error", [wandb.errors.CommError("no answer"), wandb.errors.UsageError("x")]
)
def test_wandb_out_of_reach(
    broken: type[Broken], error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    broken.error = error
    with pytest.raises(SystemExit) as ended:
        main.run()
    assert ended.value.code == 2
    assert "set WANDB_MODE=offline to log without it" in capsys.readouterr().err


@pytest.mark.parametrize("error", [OSError(errno.EIO, "broken disk"), RuntimeError("a bug")])
def test_other_errors_keep_their_traceback(broken: type[Broken], error: Exception) -> None:
    broken.error = error
    with pytest.raises(type(error)):
        main.run()
