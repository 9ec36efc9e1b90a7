"""Errors in data that the user can correct."""

__all__ = ["DataError"]


class DataError(RuntimeError):
    """Signals missing, unreadable or too few data; the message says what to do."""
