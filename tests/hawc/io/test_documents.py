"""Documents with one entry a line: read back unchanged, refused beyond their bounds."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from hawc.io import documents
from hawc.io.documents import open_document, write_document

HEAD = {"name": "x", "inner": {"list": [1, {"a": None}]}}


def read(path: Path) -> tuple[dict[str, Any], list[tuple[str, Any]]]:
    with open_document(path, "rows") as (head, entries):
        return head, list(entries)


@pytest.mark.parametrize("entries", [[], ["[1]"], ["[1, 2]", '{"a": "b"}', "3"]])
def test_documents_are_read_back(entries: list[str], tmp_path: Path) -> None:
    path = tmp_path / "document.json"
    write_document(path, HEAD, "rows", entries)
    expected = (HEAD, [(entry, json.loads(entry)) for entry in entries])
    assert read(path) == expected
    assert json.loads(path.read_text()) == {**HEAD, "rows": [value for _, value in expected[1]]}
    for indent in (None, 1, 2):  # as another program writes it
        path.write_text(json.dumps(json.loads(path.read_text()), indent=indent))
        assert read(path) == expected


def test_a_name_that_looks_like_the_list_is_a_text(tmp_path: Path) -> None:
    head = {"a": '\n "rows": [\n', "b": {"rows": [[1]]}}
    write_document(tmp_path / "x", head, "rows", ["[1]"])
    assert read(tmp_path / "x") == (head, [("[1]", [1])])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Expecting value"),
        ("[]", "object of at most 32 levels"),
        ('{"a": 1}', "`rows` must be a list"),
        ('{"rows": {}}', "`rows` must be a list"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": ' * 40 + "1" + "}" * 40, "at most 32 levels"),
        ('{"rows": [' + "[" * 40 + "]" * 40 + "]}", "at most 32 levels"),
        ('{\n "a": 1,\n "rows": [\n[1],\n[2]\n', "cut off"),
        ('{\n "a": 1,\n "rows": [\n[1]\n]}\nmore', "goes on"),
        ('{\n "a": 1,\n "rows": [\n' + "[" * 100_000 + "\n]}\n", "nested too deeply"),
        ('{\n "a": ' + "[" * 900 + "]" * 900 + ',\n "rows": [\n[1]\n]}\n', "at most 32 levels"),
        ('{\n "a": 1,\n "rows": [\n' + "9" * 5000 + "\n]}\n", "Exceeds the limit"),
        ('{\n "a": 1,\n "rows": [\n"\x1b"\n]}\n', "Invalid control character"),
    ],
)
def test_other_documents_are_refused(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_text(text)
    with pytest.raises(ValueError, match=reason):
        read(tmp_path / "x")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    for content in (b"\xff\xfe", b'{\n "a": 1,\n "rows": [\n"\xff"\n]}\n', bytes(100)):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(ValueError, match=r"\w"):
            read(tmp_path / "x")


def test_sizes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x"
    with path.open("wb") as file:
        file.truncate(5 * 2**30)  # a sparse file
    with pytest.raises(OSError, match="at most 1,073,741,824 bytes are read, got 5,368,709,120"):
        read(path)
    monkeypatch.setattr(documents, "_PARSED", 100)
    write_document(path, {"a": 1}, "rows", ["[1]"] * 100)
    assert len(read(path)[1]) == 100
    path.write_text(json.dumps(json.loads(path.read_text())))
    with pytest.raises(ValueError, match="above 100 bytes every entry must have its own line"):
        read(path)
    write_document(path, {"a": 1}, "rows", [json.dumps([1] * 100)])
    with pytest.raises(ValueError, match="Expecting"):
        read(path)


def test_pipes_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x")
    with pytest.raises(OSError, match="a regular file is required, got a pipe"):
        read(tmp_path / "x")
