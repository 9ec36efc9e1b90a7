"""The types of the columns: a value that is read is of its column's type.

SQLite keeps text, numbers and bytes in any column, whatever the column's type is. A server does
not, and its driver has types of its own in place of these.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, final

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, LargeBinary, String, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from hawc.printable import shortened

__all__ = [
    "BigWhole",
    "Bytes",
    "DamagedCellError",
    "ShortWords",
    "Time",
    "Whole",
    "Words",
    "check_present",
]

_Processor = Callable[[Any], Any]


class DamagedCellError(Exception):
    """A store holds a value that its column should not have; the message says which."""


def check_present(**cells: object) -> None:
    """Raise DamagedCellError if a value that every row has is missing."""
    for name, cell in cells.items():
        if cell is None:
            raise DamagedCellError(f"`{name}` is missing in a row")


def _checked(required: type, convert: _Processor | None = None) -> _Processor:
    """Returns a function that passes values of one type, and None, where a query has no row."""

    def process(value: Any) -> Any:
        if value is not None and type(value) is not required:
            shown = shortened(f"{type(value).__name__} {str(value)[:100]!r}", 60)
            raise DamagedCellError(f"{required.__name__} is required in a cell, got {shown}")
        return value if convert is None or value is None else convert(value)

    return process


class Whole(Integer):
    """Whole numbers."""

    def result_processor(self, dialect: Dialect, coltype: object) -> _Processor:
        return _checked(int)


class BigWhole(BigInteger):
    """Whole numbers of up to 63 bits."""

    def result_processor(self, dialect: Dialect, coltype: object) -> _Processor:
        return _checked(int)


class Words(Text):
    """Text."""

    def result_processor(self, dialect: Dialect, coltype: object) -> _Processor:
        return _checked(str)


class ShortWords(String):
    """Text of a limited length, where the database limits it."""

    def result_processor(self, dialect: Dialect, coltype: object) -> _Processor:
        return _checked(str)


class Bytes(LargeBinary):
    """Bytes."""

    def result_processor(self, dialect: Dialect, coltype: object) -> _Processor:
        return _checked(bytes)


@final
class Time(TypeDecorator[datetime]):
    """Times in UTC, which SQLite keeps as text."""

    impl: TypeEngine[Any] = DateTime(timezone=True)
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> _Processor:
        convert = super().result_processor(dialect, coltype)
        check = _checked(str if dialect.name == "sqlite" else datetime)

        def process(value: Any) -> Any:
            try:
                return check(value) if convert is None else convert(check(value))
            except (TypeError, ValueError) as error:
                raise DamagedCellError(
                    f"a cell holds no time: {shortened(str(error), 100)}"
                ) from error

        return process
