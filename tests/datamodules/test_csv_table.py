"""Any CSV file as data: its path and delimiter."""

from pathlib import Path

import pytest

from datamodules import CSVTable
from tests.datamodules.table_files import write_table


def test_reads_the_named_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_table(tmp_path / "table.csv")
    monkeypatch.setenv("HOME", str(tmp_path))
    data = CSVTable("~/table.csv", batch_size=4)
    data.setup("test")
    assert data.image_shape == (3,)
    assert data.target is None


def test_delimiter(tmp_path: Path) -> None:
    file = write_table(tmp_path / "table.csv")
    file.write_text(file.read_text().replace(",", ";"))
    assert CSVTable(str(file), delimiter=";").column_names == ("a", "b", "c")


@pytest.mark.parametrize("delimiter", ["", ",,", "\n", '"'])
def test_wrong_delimiter(delimiter: str) -> None:
    with pytest.raises(ValueError, match="`delimiter` must be one character, such as ',', got"):
        CSVTable("table.csv", delimiter=delimiter)
