"""The error of a step, as users of the library catch it."""

from lightning_modules import TrainingError


def test_is_a_runtime_error() -> None:
    assert issubclass(TrainingError, RuntimeError)
