"""What goes wrong in a step and is the user's to mend."""

__all__ = ["TrainingError"]


class TrainingError(RuntimeError):
    """A model cannot go on with these data or settings; the message says where and what to do."""
