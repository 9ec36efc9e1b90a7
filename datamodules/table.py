"""Base of the data modules of tables of numbers."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import torch
from jaxtyping import Float, Float64, Num
from torch import Tensor

from datamodules.csv_file import CSVFile
from datamodules.errors import DataError
from datamodules.in_memory import AbstractInMemory, Split, hold_out
from hawc.printable import printable, shortened

__all__ = ["AbstractTable"]

_NAME_SHOWN = 40  # columns of a terminal
_NAMES_SHOWN = 200  # characters
_MOST_DECIMALS = 9


@final
@dataclass(frozen=True)
class _Contents:
    """Standardised splits and the parameters of the standardisation."""

    splits: dict[str, Split]
    origin: Float64[Tensor, " features"]
    """The smallest numbers, subtracted first, so that a large offset costs no digits."""
    mean: Float64[Tensor, " features"]
    std: Float64[Tensor, " features"]
    decimals: list[int | None]
    """Decimal places of each column in the file, None if there are many."""


class AbstractTable(AbstractInMemory, ABC):
    """Serves the rows of a CSV file standardised: (x - mean) / std, column by column.

    Rows are float32; labels are float64, in the units of the file. Mean and standard deviation
    (dividing by n) are those of the training rows alone. The choice of rows for testing and
    validation depends only on the three numbers of rows.

    Args:
        batch_size: rows per batch and process, at least 1.
        num_validation: training rows held out for validation; a tenth of them if None.
        num_test: rows held out for testing, before those for validation; a tenth of all if None.
        leave_out: names of columns that are not features; only these may hold text.

    Raises:
        ValueError: if `batch_size` < 1, `num_validation` < 0 or `num_test` < 0.
    """

    example = "row"

    def __init__(
        self,
        batch_size: int = 128,
        num_validation: int | None = None,
        num_test: int | None = None,
        leave_out: list[str] | None = None,
    ) -> None:
        super().__init__(batch_size, num_validation)
        if num_test is not None and num_test < 0:
            raise ValueError(f"`num_test` must be at least 0, got {num_test}.")
        self._num_test = num_test
        self._leave_out = tuple(leave_out or ())

    @property
    @abstractmethod
    def file(self) -> CSVFile:
        """The file of the rows; raises DataError if it lacks a column of this table."""

    @property
    @abstractmethod
    def target(self) -> str | None:
        """Name of the column of the labels, which is no feature; labels are 0 if None."""

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(features,), from the first line of the file."""
        return (len(self.column_names),)

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """Names of the features in the order of a row.

        Raises:
            DataError: if `leave_out` or `target` is no column, or no column is left.
        """
        file = self.file
        names = file.column_names()
        for argument, columns in (("leave_out", self._leave_out), ("target", self._targets)):
            for name in columns:
                if name not in names:
                    raise DataError(
                        f"`{argument}` must name columns of '{file.path}', got {name!r}; it has "
                        f"{printable(', '.join(names)[:_NAMES_SHOWN])}."
                    )
        others = {*self._leave_out, *self._targets}
        features = tuple(name for name in names if name not in others)
        if not features:
            raise DataError(
                f"`leave_out` and `target` must leave columns of '{file.path}' to be features, got "
                f"all {len(names)}."
            )
        return features

    def load(self, train: bool) -> dict[str, Split]:
        splits = self._contents.splits
        return {name: splits[name] for name in (("train", "val") if train else ("test",))}

    def standardize(self, values: Num[Tensor, "*n features"]) -> Float[Tensor, "*n features"]:
        """Returns standardised rows of values in the units of the file.

        Float64 stays float64, which `unstandardize` inverts without loss. Other types become
        float32, as in batches.
        """
        contents = self._contents
        rows = (values.double() - contents.origin - contents.mean) / contents.std
        return rows if values.dtype == torch.float64 else rows.float()

    def unstandardize(self, rows: Float[Tensor, "*n features"]) -> Float64[Tensor, "*n features"]:
        """Returns values in the units of the file, as float64, of standardised rows.

        A value within float32's rounding of a number with the decimals of the file becomes that
        number. Rows of the file are therefore restored exactly, as long as they differ in float32.
        """
        contents = self._contents
        offsets = rows.double() * contents.std
        values = contents.origin + (offsets + contents.mean)
        rounding = torch.finfo(torch.float32).eps * offsets.abs()
        for column, decimals in enumerate(contents.decimals):
            if decimals is not None:
                exact = values[..., column]
                written = exact.round(decimals=decimals)
                is_written = (exact - written).abs() <= rounding[..., column]
                values[..., column] = torch.where(is_written, written, exact)
        return values

    def on_before_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Converts labels to float32 for Apple's GPUs, which have no float64."""
        on_apple = self.trainer is not None and self.trainer.strategy.root_device.type == "mps"
        if on_apple and isinstance(batch, (tuple, list)):
            return [part.float() if part.dtype == torch.float64 else part for part in batch]
        return batch

    @property
    def _targets(self) -> tuple[str, ...]:
        return () if self.target is None else (self.target,)

    @cached_property
    def _contents(self) -> _Contents:
        numbers = self.file.numbers((*self.column_names, *self._targets))
        features = numbers[:, : len(self.column_names)]
        labels = (
            torch.zeros(len(numbers), dtype=torch.int64)
            if self.target is None
            else numbers[:, -1].clone()
        )
        rest, test = hold_out(len(numbers), self._num_test, "num_test")
        kept, held_out = hold_out(len(rest), self.num_validation, "num_validation")
        indices = {"train": rest[kept], "val": rest[held_out], "test": test}
        origin, mean, std = self._scale(features[indices["train"]])
        rows = ((features - origin - mean) / std).float()
        splits = {name: (rows[index], labels[index]) for name, index in indices.items()}
        decimals = [_decimals(column) for column in features.T]
        return _Contents(splits, origin, mean, std, decimals)

    def _scale(
        self, rows: Float64[Tensor, "n features"]
    ) -> tuple[Float64[Tensor, " features"], ...]:
        """Returns each column's smallest number, its mean above that, and its deviation.

        Raises:
            DataError: if a column is constant.
        """
        low, high = torch.aminmax(rows, dim=0)
        for name, least, largest in zip(self.column_names, low, high, strict=True):
            if least == largest:
                shown = shortened(name, _NAME_SHOWN)
                raise DataError(
                    f"column {shown} of '{self.file.path}' is {float(least):g} in all {len(rows)} "
                    "training rows and cannot be standardised; leave it out with `leave_out`."
                )
        return low, (rows - low).mean(0), (rows - low).std(0, correction=0)


def _decimals(column: Float64[Tensor, " n"]) -> int | None:
    """Returns the smallest number of decimals that represents a column, None above 9."""
    numbers = range(_MOST_DECIMALS + 1)
    return next((k for k in numbers if torch.equal(column.round(decimals=k), column)), None)
