"""Cells of any type and size in a file, as a stranger may write them: one line each."""

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import torch

from hawc.gallery_commands import main
from hawc.history import DatabaseHistory, HistoryStoreError
from hawc.history.storage.cells import DamagedCellError, check_present
from hawc.targets import StandardNormal

PLANE = StandardNormal(2)
DEEP = "replace(hex(zeroblob(50000)), '0', '[')"
MANY = "'{\"metadata\": {\"a\": [' || replace(hex(zeroblob(3000000)), '00', '[],') || '1]}}'"
CHANGES = (
    *(f"hawc_batches SET first = {value}" for value in ("'a'", "9223372036854775807", "x'00'")),
    *(f"hawc_batches SET size = {v}" for v in ("'a'", "1e300", "-3", "0", "9223372036854775807")),
    *(f"hawc_batches SET points = {value}" for value in ("'a'", "1000000000", "x''")),
    *(f"hawc_batches SET created = {v}" for v in ("'a'", "5", "'0000-00-00 00:00:00.000000'")),
    "hawc_batches SET checksum = x'00'",
    *(f"hawc_galleries SET dim = {value}" for value in ("'a'", "0", "-1", "1000000000", "x'ff'")),
    "hawc_galleries SET dtype = 'object'",
    "hawc_galleries SET target = x'ff'",
    *(f"hawc_sequences SET condition = {v}" for v in (DEEP, "'5'", "'\"\\u0000\"'", "x'ff'")),
    "hawc_sequences SET condition = CAST(x'22ff22' AS text)",
    *(f"hawc_sequences SET num_features = {value}" for value in ("'a'", "-1", "3")),
    "hawc_sequences SET kind = x'00'",
    *(f"hawc_notes SET position = {value}" for value in ("'a'", "-1", "3", "10000000000")),
    *(f"hawc_notes SET note = {value}" for value in (DEEP, MANY, "'5'", "x'ff'", "'['")),
    *(
        f"hawc_notes SET note = '{note}'"
        for note in (
            '["forgotten"]',
            '{"tags": 5, "forgotten": true}',
            '{"tags": [[]], "forgotten": true}',
            '{"metadata": [1]}',
            '{"seed": 1e9}',
            '{"generator": {}}',
            '{"forgotten": 1}',
        )
    ),
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("gallery") / "a.db"
    history = DatabaseHistory(path, PLANE, create=True, dtype=torch.float32)
    history.append(torch.ones(3, 2), expected_length=0, metadata={"a": 1})
    history.forget(1)
    return path.read_bytes()


@pytest.fixture
def gallery(whole: bytes, tmp_path: Path) -> Path:
    (tmp_path / "a.db").write_bytes(whole)
    return tmp_path / "a.db"


def use(path: Path) -> None:
    history = DatabaseHistory(path, PLANE)
    list(history)
    history.append(torch.ones(1, 2), expected_length=len(history))
    list(history)


@pytest.mark.parametrize("change", CHANGES)
def test_a_cell_of_another_kind_is_named_in_one_line(
    gallery: Path, change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(gallery, isolation_level=None)) as connection:
        connection.execute(f"UPDATE {change}")
    with pytest.raises(HistoryStoreError) as caught:
        use(gallery)
    assert len(str(caught.value)) < 600
    assert str(caught.value).isprintable()
    for command in (["list"], ["show"], ["show", "--id", "0"], ["export"]):
        extra = ["--gallery", "default", str(gallery.with_suffix(".npz"))]
        arguments = [*command[:1], str(gallery), *command[1:]]
        status = main(["gallery", *arguments, *(extra if command == ["export"] else [])])
        errors = capsys.readouterr().err.splitlines()
        assert status in (0, 1, 2)
        assert len(errors) == (status != 0)


def insert(path: Path, first: int, numbers: list[list[float]]) -> None:
    """Record rows with the right checksum."""
    data = torch.tensor(numbers, dtype=torch.float32).numpy().astype("<f4").tobytes()
    time, checksum = "2026-12-01 00:00:00.000000", hashlib.sha256(data).hexdigest()
    values = (first, len(numbers), data, checksum, time)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("INSERT INTO hawc_batches VALUES (1, ?, ?, NULL, ?, ?, ?)", values)


@pytest.mark.parametrize("first", [4, 2, 1, -1, 2**40])
def test_batches_follow_each_other(gallery: Path, first: int) -> None:
    insert(gallery, first, [[1.0, 2.0]])
    history = DatabaseHistory(gallery, PLANE)
    for length in (2, 3, 5, first + 1):
        with pytest.raises(HistoryStoreError, match="batches do not follow each other"):
            history.append(torch.ones(1, 2), expected_length=length)
    with pytest.raises(HistoryStoreError, match="are damaged"):
        history.view()
    with history.exclusive(), pytest.raises(HistoryStoreError, match="damaged"):
        len(history)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_stored_numbers_are_finite(gallery: Path, value: float) -> None:
    insert(gallery, 3, [[1.0, 2.0], [value, 2.0]])
    with pytest.raises(HistoryStoreError, match=r"at point 3 of .* numbers that are not finite"):
        DatabaseHistory(gallery, PLANE).view()


def test_a_row_right_after_the_others_is_one_of_them(gallery: Path) -> None:
    insert(gallery, 3, [[1.0, 2.0]])
    use(gallery)
    assert len(DatabaseHistory(gallery, PLANE)) == 5


def test_a_value_has_a_largest_size(gallery: Path) -> None:
    with closing(sqlite3.connect(gallery, isolation_level=None)) as connection:
        connection.execute("UPDATE hawc_batches SET points = zeroblob(67108865)")
    with pytest.raises(HistoryStoreError, match="no value of a gallery is that large"):
        DatabaseHistory(gallery, PLANE).view()


def test_a_missing_value_is_named() -> None:
    check_present(a=1, b="")
    with pytest.raises(DamagedCellError, match="`b` is missing"):
        check_present(a=1, b=None)
