"""The type of DataError."""

from datamodules import DataError


def test_kind() -> None:
    assert issubclass(DataError, RuntimeError)
