"""Histories of points: in memory, or in a database that many processes share."""

import importlib
from typing import TYPE_CHECKING, Any

from hawc.history.abstract import (
    MAX_CANDIDATES,
    AbstractHistory,
    HistoryConflictError,
    HistoryStoreError,
    Recorded,
)
from hawc.history.annotated import AnnotatedHistory
from hawc.history.memory import MemoryHistory
from hawc.history.row import Row

if TYPE_CHECKING:
    from hawc.history.archive import export_history, import_history
    from hawc.history.database import DatabaseHistory
    from hawc.history.gallery import Gallery
    from hawc.history.gallery_record import GalleryRecord, galleries
    from hawc.sheets import contact_sheet

__all__ = [
    "MAX_CANDIDATES",
    "AbstractHistory",
    "AnnotatedHistory",
    "DatabaseHistory",
    "Gallery",
    "GalleryRecord",
    "HistoryConflictError",
    "HistoryStoreError",
    "MemoryHistory",
    "Recorded",
    "Row",
    "contact_sheet",
    "export_history",
    "galleries",
    "import_history",
]

# loaded at first use: SQLAlchemy takes as long to import as the rest of hawc
_MODULES = {
    "DatabaseHistory": "hawc.history.database",
    "Gallery": "hawc.history.gallery",
    "GalleryRecord": "hawc.history.gallery_record",
    "contact_sheet": "hawc.sheets.contact_sheet",
    "export_history": "hawc.history.archive",
    "galleries": "hawc.history.gallery_record",
    "import_history": "hawc.history.archive",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)
