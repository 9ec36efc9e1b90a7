"""DataError is told apart from errors of the program."""

from datamodules import DataError


def test_kind() -> None:
    assert issubclass(DataError, RuntimeError)
