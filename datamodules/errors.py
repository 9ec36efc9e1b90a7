"""What goes wrong with data and is the user's to mend."""

__all__ = ["DataError"]


class DataError(RuntimeError):
    """The data are missing, unreadable or too few; the message says which and what to do."""
