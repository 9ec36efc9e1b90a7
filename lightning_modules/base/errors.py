"""The error of a training step that the user can correct."""

__all__ = ["TrainingError"]


class TrainingError(RuntimeError):
    """A model cannot continue with these data or settings; the message says what to change."""
