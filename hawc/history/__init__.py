"""Histories of points: in memory, or in a database that many processes share."""

from hawc.history.abstract import AbstractHistory, HistoryConflictError, HistoryStoreError
from hawc.history.archive import export_history, import_history
from hawc.history.database import DatabaseHistory
from hawc.history.galleries import Gallery, Recorded, galleries
from hawc.history.memory import MemoryHistory

__all__ = [
    "AbstractHistory",
    "DatabaseHistory",
    "Gallery",
    "HistoryConflictError",
    "HistoryStoreError",
    "MemoryHistory",
    "Recorded",
    "export_history",
    "galleries",
    "import_history",
]
