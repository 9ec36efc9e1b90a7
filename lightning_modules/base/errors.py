"""The error of a training step that the user can correct."""

__all__ = ["TrainingError"]


class TrainingError(RuntimeError):
    """A model cannot continue; the message says which data or setting to change."""
