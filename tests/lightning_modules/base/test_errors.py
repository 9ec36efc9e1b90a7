"""The error of a training step is a RuntimeError at the top of the package."""

from lightning_modules import TrainingError


def test_is_a_runtime_error() -> None:
    assert issubclass(TrainingError, RuntimeError)
