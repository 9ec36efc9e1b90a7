"""Boston Housing: 506 census tracts in 1970, 13 features and median home value.

One of the features, B, is about race: 1000 (Bk - 0.63)^2 with Bk the proportion of Black residents
of a town. The parabola encodes an assumption about the effect of race on prices. A model of these
rows learns it like any other column. `leave_out: [B]` leaves it out.

Source: Harrison and Rubinfeld 1978, "Hedonic housing prices and the demand for clean air", Journal
of Environmental Economics and Management 5:81-102.
"""

from typing import final

from datamodules.csv_file import CSVFile
from datamodules.errors import DataError
from datamodules.in_memory import data_folder
from datamodules.table import AbstractTable
from hawc.printable import printable

__all__ = ["BostonHousing"]

_TARGET = "MEDV"
_COLUMNS = [
    *("CRIM", "ZN", "INDUS", "CHAS", "NOX", "RM", "AGE", "DIS", "RAD", "TAX", "PTRATIO", "B"),
    *("LSTAT", _TARGET),
]


@final
class BostonHousing(AbstractTable):
    """Reads <data_dir>/BostonHousing/housing.csv: 13 features, MEDV as label.

    MEDV is the median value of owner-occupied homes in 1,000 dollars. Column B is about race;
    `leave_out: [B]` leaves it out.

    Args:
        batch_size: rows a batch and process, at least 1.
        data_dir: folder of the data; the environment variable HAWC_DATA, else "data", if None.
        num_validation: training rows held out for validation; a tenth of them if None.
        num_test: rows held out for testing, before those for validation; a tenth of all if None.
        leave_out: columns that are not features, such as [B].

    Raises:
        ValueError: if a number is out of its range.
    """

    def __init__(
        self,
        batch_size: int = 128,
        data_dir: str | None = None,
        num_validation: int | None = None,
        num_test: int | None = None,
        leave_out: list[str] | None = None,
    ) -> None:
        super().__init__(batch_size, num_validation, num_test, leave_out)
        self._path = data_folder(data_dir) / "BostonHousing" / "housing.csv"

    @property
    def file(self) -> CSVFile:
        file = CSVFile(self._path)
        if not self._path.is_file():
            raise DataError(
                f"'{self._path}' does not exist and is not downloaded; put Boston Housing there, a "
                f"CSV file with the first line {','.join(_COLUMNS)}, or name its folder with "
                "--data.data_dir or HAWC_DATA."
            )
        if file.column_names() != _COLUMNS:
            raise DataError(
                f"'{self._path}' must have the first line {','.join(_COLUMNS)}, got "
                f"{printable(','.join(file.column_names())[:100])}; use CSVTable for another table."
            )
        return file

    @property
    def target(self) -> str:
        return _TARGET
