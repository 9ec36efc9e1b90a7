"""Zip files as torch and NumPy write them pass; any that could hold more are refused."""

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hawc.io.stored_zip import open_stored


def written(compression: int = zipfile.ZIP_STORED, **parts: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return content.getvalue()


def test_a_file_of_arrays_is_opened_at_its_beginning(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=np.ones(3))
    with open_stored(tmp_path / "a.npz") as file:
        assert file.read(4) == b"PK\x03\x04"


def test_long_end_records_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
    (tmp_path / "long.zip").write_bytes(content := written(a=b"1", b=b"2"))
    assert b"PK\x06\x06" in content
    open_stored(tmp_path / "long.zip").close()


def overlapping() -> bytes:
    """Returns a file whose list names one large part many times."""
    content = written(a=bytes(10_000))
    place = content.rindex(b"PK\x01\x02")
    entry, count = content[place : content.rindex(b"PK\x05\x06")], 20
    end = bytearray(content[content.rindex(b"PK\x05\x06") :])
    end[8:12] = count.to_bytes(2, "little") * 2
    end[12:16] = (count * len(entry)).to_bytes(4, "little")
    return content[:place] + count * entry + bytes(end)


def encrypted() -> bytes:
    content = bytearray(written(a=b"text"))
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def many_parts() -> bytes:
    """Returns a file that claims a list of parts of 20 MB, without any."""
    end = bytearray(written())
    end[12:16] = (20 * 2**20).to_bytes(4, "little")
    return bytes(20 * 2**20) + bytes(end)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (lambda: written(zipfile.ZIP_DEFLATED, a=bytes(10**6)), "it is compressed"),
        (lambda: written(zipfile.ZIP_BZIP2, a=bytes(10**6)), "it is compressed"),
        (lambda: written(zipfile.ZIP_LZMA, a=bytes(10**6)), "it is compressed"),
        (overlapping, "its parts overlap"),
        (encrypted, "it is encrypted"),
        (many_parts, "it has too many parts"),
        # readers find different lists
        (lambda: b"before" + written(a=b"1"), "it is damaged"),
        (lambda: written(a=b"1") + b"after", "it is damaged"),
        (lambda: written(a=b"1")[:-30], "it is damaged"),
        (bytes, "it is damaged"),
        (lambda: bytes(1000), "it is damaged"),
    ],
)
def test_other_files_are_refused(
    content: Callable[[], bytes], problem: str, tmp_path: Path
) -> None:
    (tmp_path / "a.zip").write_bytes(content())
    with pytest.raises(ValueError, match=problem):
        open_stored(tmp_path / "a.zip")


def test_pipes_and_devices_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(OSError, match="a regular file is required"):
            open_stored(path)
