"""Any table of numbers in a CSV file."""

from pathlib import Path
from typing import final

from datamodules.csv_file import CSVFile
from datamodules.table import AbstractTable

__all__ = ["CSVTable"]


@final
class CSVTable(AbstractTable):
    """Serves standardised rows of a CSV file whose first line names the columns.

    Args:
        path: of the file.
        target: column of the labels, in the units of the file; labels are 0 if None.
        leave_out: columns that are not features; only these may hold text.
        batch_size: rows a batch and process, at least 1.
        num_validation: training rows held out for validation; a tenth of them if None.
        num_test: rows held out for testing, before those for validation; a tenth of all if None.
        delimiter: the character between two cells.

    Raises:
        ValueError: if a number is out of its range or `delimiter` is not one character.
    """

    def __init__(
        self,
        path: str,
        target: str | None = None,
        leave_out: list[str] | None = None,
        batch_size: int = 128,
        num_validation: int | None = None,
        num_test: int | None = None,
        delimiter: str = ",",
    ) -> None:
        super().__init__(batch_size, num_validation, num_test, leave_out)
        if len(delimiter) != 1 or delimiter in '\r\n"':
            raise ValueError(f"`delimiter` must be one character, such as ',', got {delimiter!r}.")
        self._file = CSVFile(Path(path).expanduser(), delimiter)
        self._target = target

    @property
    def file(self) -> CSVFile:
        return self._file

    @property
    def target(self) -> str | None:
        return self._target
