"""Reads the numbers of a CSV file; refuses other cells with line and column."""

import csv
import io
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import NoReturn, TextIO, final

import torch
from jaxtyping import Float64
from torch import Tensor

from datamodules.errors import DataError
from hawc.io.files import open_regular
from hawc.printable import printable

__all__ = ["CSVFile"]

_LARGEST = torch.finfo(torch.float32).max  # larger numbers would become infinite in a batch
_EXACT = 2**53  # float64 holds all integers up to this one
_MOST_COLUMNS = 100_000
_MOST_BLANK = 1_000_000
_LONGEST_RECORD = 10_000_000  # characters; the csv module bounds a cell by 131,072
_SHOWN = 40  # characters of a cell or name in a message
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


@final
@dataclass(frozen=True)
class CSVFile:
    """A text file in UTF-8 whose first line names the columns; skips blank lines.

    It may have 100,000 columns and 10 million characters a record.

    Args:
        path: of the file.
        delimiter: the character between two cells.
    """

    path: Path
    delimiter: str = ","

    def column_names(self) -> list[str]:
        """Returns the cells of the first line.

        Raises:
            DataError: if the file cannot be read or is empty, has another delimiter, or if the
                first line holds numbers, an empty name or one name twice.
        """
        records = self._records()
        for _, cells in records:
            self._check_delimiter(cells, next((below for _, below in records), []))
            return self._checked_names([cell.strip() for cell in cells])
        raise DataError(f"'{self.path}' is empty; its first line must name the columns.")

    def numbers(self, columns: Sequence[str]) -> Float64[Tensor, "n columns"]:
        """Returns the named columns, which the file must have, below the first line.

        Raises:
            DataError: if a line has too few or too many cells, a cell of these columns is not a
                finite number, or there is nothing below the first line.
        """
        names = self.column_names()
        place_of = {name: place for place, name in enumerate(names)}
        places = [place_of[column] for column in columns]
        values = array("d")
        records = self._records()
        next(records)
        for line, cells in records:
            if len(cells) != len(names):
                raise DataError(
                    f"'{self.path}', line {line}: {len(names)} cells are required, as many as in "
                    f"the first line, got {len(cells)}."
                )
            values.extend(self._number(line, names[place], cells[place]) for place in places)
        if not values:
            raise DataError(f"'{self.path}' holds no rows below its first line.")
        return torch.frombuffer(values, dtype=torch.float64).reshape(-1, len(columns))

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Yields the first line (from 1) and the cells of each record that is not blank."""
        line, blank = 1, 0
        try:
            # utf-8-sig: spreadsheets put a byte order mark before the first name
            with io.TextIOWrapper(open_regular(self.path), "utf-8-sig", newline="") as file:
                lines = _Lines(file)
                reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
                for cells in reader:
                    if cells:
                        yield line, cells
                    elif (blank := blank + 1) > _MOST_BLANK:
                        raise csv.Error(f"at most {_MOST_BLANK:,} blank lines are skipped")
                    line = reader.line_num + 1
                    lines.left = _LONGEST_RECORD
        except OSError as error:
            raise DataError(
                f"'{self.path}' must be a CSV file that can be read, got: {error.strerror}."
            ) from error
        except UnicodeDecodeError as error:
            raise DataError(
                f"'{self.path}' must be a CSV file in UTF-8, got other bytes ({error.reason}); "
                "convert it."
            ) from error
        except csv.Error as error:
            raise DataError(
                f"'{self.path}', line {line}: cells and quotes must be as in CSV, got: {error}."
            ) from error

    def _check_delimiter(self, first: list[str], second: list[str]) -> None:
        """Raises DataError if the first record is one cell with another delimiter.

        A single column of numbers may have any name.
        """
        if len(first) > 1 or not second or (len(second) == 1 and _is_number(second[0])):
            return
        for other, name in _DELIMITERS.items():
            if other in first[0] and other != self.delimiter:
                required = _DELIMITERS.get(self.delimiter, repr(self.delimiter))
                raise DataError(
                    f"'{self.path}' must separate its columns by {required}, got {name} in its "
                    f"first line {_shortened(first[0])!r}; convert the file, or give CSVTable "
                    f"the `delimiter` {other!r}."
                )

    def _checked_names(self, names: list[str]) -> list[str]:
        if len(names) > _MOST_COLUMNS:
            raise DataError(
                f"'{self.path}' must have at most {_MOST_COLUMNS:,} columns, got {len(names):,}."
            )
        known: set[str] = set()
        for number, name in enumerate(names, start=1):
            if not name:
                pandas = "; pandas leaves its index out by index=False" if number == 1 else ""
                raise DataError(
                    f"'{self.path}' must name each column, got none for {number}{pandas}."
                )
            if name in known:
                raise DataError(
                    f"'{self.path}' must name each column once, got {_shortened(name)!r} again."
                )
            known.add(name)
        if all(_is_number(name) for name in names):
            raise DataError(
                f"'{self.path}' must name its columns in the first line, got the numbers "
                f"{_shortened(self.delimiter.join(names))!r}."
            )
        return names

    def _number(self, line: int, column: str, cell: str) -> float:
        if not _is_number(cell):
            shown = f"{_shortened(cell)!r}" if cell.strip() else "an empty cell"
            point = " with a decimal point and no other marks" if "," in cell else ""
            self._refuse(line, column, f"a finite number{point} is required, got {shown}; correct")
        number = float(cell)
        if abs(number) >= _EXACT and not _is_held(Decimal(cell.strip()), number):
            self._refuse(
                line,
                column,
                "whole numbers must be at most 2^53, beyond which float64 does not hold them all, "
                f"got {_shortened(cell.strip())}; shorten",
            )
        return number

    def _refuse(self, line: int, column: str, reason: str) -> NoReturn:
        raise DataError(
            f"'{self.path}', line {line}, column {printable(_shortened(column))}: {reason} it, or "
            "leave the column out with `leave_out`."
        )


class _Lines:
    """Yields the lines of a text file, at most 10 million characters from one record to the next.

    Args:
        file: opened for reading text.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.left = _LONGEST_RECORD
        """Characters; set back where a record ends."""

    def __iter__(self) -> Iterator[str]:
        while line := self._file.readline(self.left + 1):
            self.left -= len(line)
            if self.left < 0:
                raise csv.Error(f"a record of more than {_LONGEST_RECORD:,} characters")
            yield line


def _is_number(cell: str) -> bool:
    """Returns whether a cell is a decimal in the range of float32; 1_000 is text."""
    try:
        return abs(float(cell)) <= _LARGEST and "_" not in cell
    except ValueError:
        return False


def _is_held(written: Decimal, number: float) -> bool:
    """Returns whether a float equals a written number, except one such as 1e30."""
    return int(written.as_tuple().exponent) > 0 or written == Decimal(number)


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
