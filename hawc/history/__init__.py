"""Histories of points: in memory, or in a database that many processes share."""

import importlib
from typing import TYPE_CHECKING, Any

from hawc.history.abstract import (
    AbstractHistory,
    HistoryConflictError,
    HistoryStoreError,
    Recorded,
)
from hawc.history.memory import MemoryHistory

if TYPE_CHECKING:
    from hawc.history.archive import export_history, import_history
    from hawc.history.database import DatabaseHistory
    from hawc.history.gallery import Gallery, galleries

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

# loaded at first use: SQLAlchemy takes as long to import as the rest of hawc
_MODULES = {
    "DatabaseHistory": "hawc.history.database",
    "Gallery": "hawc.history.gallery",
    "export_history": "hawc.history.archive",
    "galleries": "hawc.history.gallery",
    "import_history": "hawc.history.archive",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)
