"""What was drawn before: an append-only list of points that grows by whole batches."""

from hawc.history.abstract import AbstractHistory, HistoryConflictError
from hawc.history.memory import MemoryHistory

__all__ = ["AbstractHistory", "HistoryConflictError", "MemoryHistory"]
