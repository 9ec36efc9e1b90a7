"""A disk that ends a command is one line and status 1, with or without the name of a file."""

import errno
import io
import logging
import re
from contextlib import redirect_stderr, suppress
from pathlib import Path

import pytest
import wandb

from commands import main
from commands.errors import UsageError
from tests.commands.broken import Broken, fail_with

Patch, Capture = pytest.MonkeyPatch, pytest.CaptureFixture[str]


FILE = "runs/x/last.ckpt"
FULL = "no space is left on a disk ({} unchanged); free some or name another folder."
OTHER = "'{}' cannot be read or written (Broken); check its permissions, limits and disk, or name"


@pytest.mark.parametrize(
    ("number", "file", "line"),
    [
        (errno.ENOSPC, None, FULL.format("the checkpoints of 'runs/x' are")),
        (errno.EDQUOT, None, FULL.format("the checkpoints of 'runs/x' are")),
        (errno.ENOSPC, FILE, FULL.format(f"'{FILE}' is")),
        *((number, FILE, OTHER.format(FILE)) for number in (errno.EFBIG, errno.EACCES)),
        *(
            (number, None, OTHER.format("runs/x"))
            for number in (errno.EFBIG, errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.EROFS)
        ),
        (errno.ENOENT, "gone/1.png", "the folder 'gone' was removed or renamed meanwhile; name"),
    ],
)
def test_errors_of_a_disk_are_one_line(
    number: int,
    file: str | None,
    line: str,
    broken: type[Broken],
    capsys: Capture,
    monkeypatch: Patch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("runs/x").mkdir(parents=True)
    monkeypatch.setenv("HAWC_RUN_FOLDER", "runs/x")
    monkeypatch.setattr(main, "user_code_location", lambda error: None)  # this file is a user's
    broken.error = OSError(number, "Broken", file)
    fail_with(status=1)
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(f"train.py: error: {line}")


def test_a_full_disk_outside_of_a_run(broken: type[Broken], capsys: Capture) -> None:
    broken.error = OSError(errno.ENOSPC, "No space left on device")
    fail_with(status=1)
    assert FULL.format("earlier files are") in capsys.readouterr().err


def test_a_disks_error_in_the_users_code_keeps_its_location(
    broken: type[Broken], capsys: Capture
) -> None:
    broken.error = OSError(errno.EIO, "Input/output error")
    fail_with(status=1)
    said = capsys.readouterr().err
    assert re.search(r"another place\. \(.*broken\.py, line \d+\)$", said)


def test_wandb_prints_no_traceback_for_its_log_on_a_full_disk(broken: type[Broken]) -> None:
    broken.error = UsageError("x")
    fail_with(status=2)
    handler = logging.FileHandler("/dev/full")
    said = io.StringIO()
    with redirect_stderr(said):
        handler.emit(logging.makeLogRecord({"msg": "config_cb"}))
    with suppress(OSError):
        handler.close()
    assert said.getvalue() == ""


@pytest.mark.parametrize("ends_before", [True, False])
def test_wandb_that_cannot_write_its_last_file(
    ends_before: bool, broken: type[Broken], monkeypatch: Patch, capsys: Capture
) -> None:
    def finish() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(wandb, "run", object())
    monkeypatch.setattr(wandb, "finish", finish)
    broken.error = UsageError("a mistake")
    if not ends_before:
        monkeypatch.setattr(main, "ExperimentCLI", lambda: None)
    fail_with(status=2 if ends_before else 1)
    (line,) = capsys.readouterr().err.splitlines()
    assert ("a mistake" if ends_before else "no space is left on a disk") in line
