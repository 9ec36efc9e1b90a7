"""CSV files: exact numbers; cells that are no numbers are refused with line and column."""

import csv
import os
import re
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datamodules import DataError, csv_file
from datamodules.csv_file import CSVFile

LARGEST = torch.finfo(torch.float32).max
numbers = st.floats(-LARGEST, LARGEST) | st.integers(-(2**53), 2**53)


def written(tmp_path: Path, content: str | bytes) -> CSVFile:
    path = tmp_path / "file.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return CSVFile(path)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.integers(1, 4).flatmap(lambda c: st.lists(st.tuples(*[numbers] * c), min_size=1)))
def test_reads_what_was_written(tmp_path: Path, rows: list[tuple[float, ...]]) -> None:
    names = [f"column {i}" for i in range(len(rows[0]))]
    path = tmp_path / "file.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([names, *rows])
    read = CSVFile(path)
    assert read.column_names() == names
    # repr of a float is read back as the same number
    assert torch.equal(read.numbers(names), torch.tensor(rows, dtype=torch.float64))


def test_columns_have_the_order_of_the_argument(tmp_path: Path) -> None:
    file = written(tmp_path, "a,b,c\n1,2,3\n4,5,6\n")
    assert file.numbers(["c", "a"]).tolist() == [[3, 1], [6, 4]]


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffa,b\n1,2\n",
        "a,b\r\n1,2\r\n",
        "a,b\r1,2",
        "\n\na,b\n\n1,2\n\n\n",
        ' a , b\n 1 ,"2"',
        '"a",b\n+1e0,2.\n',
    ],
    ids=["byte order mark", "Windows", "old Mac", "blank lines", "spaces", "quotes"],
)
def test_common_ways_to_write_it(tmp_path: Path, content: str) -> None:
    file = written(tmp_path, content)
    assert file.column_names() == ["a", "b"]
    assert file.numbers(["a", "b"]).tolist() == [[1, 2]]


def test_another_delimiter(tmp_path: Path) -> None:
    path = written(tmp_path, "a;b\n1;2\n").path
    assert CSVFile(path, ";").numbers(["a", "b"]).tolist() == [[1, 2]]


def test_other_columns_may_hold_text(tmp_path: Path) -> None:
    file = written(tmp_path, "name,a\n'x',1\n,2\n")
    assert file.numbers(["a"]).tolist() == [[1], [2]]


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("red", "'red'"),
        ("", "an empty cell"),
        ("  ", "an empty cell"),
        ("NA", "'NA'"),
        ("nan", "'nan'"),
        ("-inf", "'-inf'"),
        ("1e39", "'1e39'"),
        ("1_000", "'1_000'"),
        ("x" * 100, f"'{'x' * 40}...'"),
    ],
)
def test_names_line_column_and_cell(tmp_path: Path, cell: str, shown: str) -> None:
    file = written(tmp_path, f"a,b\n1,2\n\n3,{cell}\n")
    message = f"file.csv', line 4, column b: a finite number is required, got {shown}; correct it"
    with pytest.raises(DataError, match=re.escape(message)):
        file.numbers(["a", "b"])


@pytest.mark.parametrize(
    "cell",
    [
        *(2**53 + 1, -(2**53) - 1, 1234567890123456789, 10**30 + 1),
        *("9007199254740993.0", "9007199254740993e0", "9.007199254740993E15"),
    ],
)
def test_whole_numbers_that_float64_cannot_hold(tmp_path: Path, cell: int | str) -> None:
    file = written(tmp_path, f"a,b\n1,2\n3, {cell}\n")
    message = rf"line 3, column b: whole numbers must be at most 2\^53, .*, got {cell}; shorten it"
    with pytest.raises(DataError, match=message):
        file.numbers(["a", "b"])
    assert file.numbers(["a"]).tolist() == [[1], [3]]


@pytest.mark.parametrize(
    "cell",
    [*("9007199254740992.00", "9007199254740994", str(2**60), "1e30"), f"{1e30:.18e}", f"{1e23!r}"],
)
def test_large_numbers_that_float64_can_hold(tmp_path: Path, cell: str) -> None:
    assert int(written(tmp_path, f"a\n{cell}\n").numbers(["a"]).item()) == int(float(cell))


@pytest.mark.parametrize("cell", ["1,5", "1,234", "1,234.5"])
def test_commas_within_numbers(tmp_path: Path, cell: str) -> None:
    file = CSVFile(written(tmp_path, f'a;b\n1;"{cell}"\n').path, ";")
    message = f"a finite number with a decimal point and no other marks is required, got '{cell}'"
    with pytest.raises(DataError, match=message):
        file.numbers(["a", "b"])


def test_a_record_is_named_by_its_first_line(tmp_path: Path) -> None:
    file = written(tmp_path, 'name,a\n"two\nlines",1\n"two\nlines",x\nz,1\n')
    with pytest.raises(DataError, match="line 4, column a"):
        file.numbers(["a"])


@pytest.mark.parametrize(
    ("content", "delimiter", "message"),
    [
        ("a;b\n1;2\n", ",", "by commas, got semicolons in its first line 'a;b'; convert the file"),
        ("a;b\n1,5;2,5\n", ",", "by commas, got semicolons in its first line 'a;b'"),
        ("1;2\n3;4\n", ",", "by commas, got semicolons in its first line '1;2'"),
        ("a\tb\n1\t2\n", ",", r"by commas, got tabs .* or give CSVTable the `delimiter` '\\t'\."),
        ("a|b\n1|2\n", ",", "by commas, got bars in its first line"),
        ("a,b\n1,2\n", ";", "by semicolons, got commas in its first line 'a,b'"),
        ("a,b\n1,2\n", " ", "by ' ', got commas in its first line 'a,b'"),
    ],
)
def test_a_file_with_another_delimiter_is_refused(
    tmp_path: Path, content: str, delimiter: str, message: str
) -> None:
    path = written(tmp_path, content).path
    with pytest.raises(DataError, match=f"must separate its columns {message}"):
        CSVFile(path, delimiter).column_names()


def test_a_delimiter_in_quotes_separates_nothing(tmp_path: Path) -> None:
    file = written(tmp_path, '"town, country"\n"Oslo, Norway"\n')
    assert file.column_names() == ["town, country"]


@pytest.mark.parametrize("name", ["speed; in m/s", "speed, in m/s", "speed in m/s"])
def test_a_single_column_may_have_any_name(tmp_path: Path, name: str) -> None:
    file = written(tmp_path, f'"{name}"\n1\n2\n')
    assert file.column_names() == [name]
    assert file.numbers([name]).tolist() == [[1], [2]]


@pytest.mark.parametrize(("record", "count"), [("3", 1), ("3,4,5", 3), ("3,4,", 3)])
def test_too_few_or_too_many_cells(tmp_path: Path, record: str, count: int) -> None:
    file = written(tmp_path, f"a,b\n1,2\n{record}\n")
    with pytest.raises(DataError, match=f"line 3: 2 cells are required, .* line, got {count}"):
        file.numbers(["a"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "file.csv' is empty; its first line must name the columns"),
        ("\n\n", "file.csv' is empty"),
        ("1,2.5\n3,4\n", "must name its columns in the first line, got the numbers '1,2.5'"),
        ("a,,b\n1,2,3\n", r"must name each column, got none for 2\."),
        ("a,b,\n1,2,\n", r"must name each column, got none for 3\."),
        (",a\n0,2\n", "got none for 1; pandas leaves its index out by index=False"),
        ("a,b,a\n1,2,3\n", "must name each column once, got 'a' again"),
        (b"a,b\xff\n1,2\n", r"must be a CSV file in UTF-8, got other bytes \(invalid start byte\)"),
    ],
)
def test_first_lines(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        written(tmp_path, content).column_names()


@pytest.mark.parametrize(("content", "name"), [("a,b\n\n", "a"), ('"a;b"\n', "a;b")])
def test_nothing_below_the_first_line(tmp_path: Path, content: str, name: str) -> None:
    with pytest.raises(DataError, match=r"file.csv' holds no rows below its first line"):
        written(tmp_path, content).numbers([name])


def test_unfinished_quotes(tmp_path: Path) -> None:
    file = written(tmp_path, 'a,b\n1,2\n"3,4\n')
    with pytest.raises(DataError, match="line 3: cells and quotes must be as in CSV, got: unexp"):
        file.numbers(["a"])


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none.csv' must be a CSV file .* got: No such file"):
        CSVFile(tmp_path / "none.csv").column_names()
    with pytest.raises(DataError, match=r"must be a CSV file .* file is required, got a folder"):
        CSVFile(tmp_path).column_names()


def test_too_many_columns(tmp_path: Path) -> None:
    file = written(tmp_path, ",".join(f"c{i}" for i in range(100_001)) + "\n1\n")
    with pytest.raises(DataError, match="at most 100,000 columns, got 100,001"):
        file.column_names()


@pytest.mark.parametrize("content", ["a,b\n1," + "9" * 200, 'a,b\n1,"' + "x\n" * 99, "\0" * 200])
def test_records_without_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.setattr(csv_file, "_LONGEST_RECORD", 100)
    with pytest.raises(DataError, match="a record of more than 100 characters"):
        written(tmp_path, content).numbers(["a"])


def test_pipes_and_devices_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(DataError, match="a regular file is required, got a pipe, device"):
            CSVFile(path).column_names()


def test_blank_lines_are_skipped_up_to_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_file, "_MOST_BLANK", 3)
    (tmp_path / "a.csv").write_text("a\n\n1\n\n\n2\n")
    assert CSVFile(tmp_path / "a.csv").numbers(["a"]).tolist() == [[1.0], [2.0]]
    (tmp_path / "a.csv").write_text("a\n1\n\n\n\n\n")
    with pytest.raises(DataError, match=r"line 6: .* at most 3 blank lines are skipped"):
        CSVFile(tmp_path / "a.csv").numbers(["a"])
