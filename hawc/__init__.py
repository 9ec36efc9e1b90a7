"""Generative models that remember what they made: history-aware compression of a law to points.

Start with `HistoryAwareSampler(StandardNormal(dim))`; see README.md for the experiment framework
around it. Everything here is torch and SciPy: no Lightning, no images.
"""

from hawc.compression import (
    AbstractSolver,
    Compression,
    CompressionProblem,
    Deterministic,
    compress,
)
from hawc.distances import squared_distance, squared_distance_to
from hawc.history import (
    AbstractHistory,
    DatabaseHistory,
    HistoryConflictError,
    HistoryStoreError,
    MemoryHistory,
    export_history,
    galleries,
    import_history,
)
from hawc.kernels import AbstractKernel, HuberEnergy
from hawc.sampler import HistoryAwareSampler
from hawc.targets import AbstractTarget, Empirical, StandardNormal, StudentT

__all__ = [
    "AbstractHistory",
    "AbstractKernel",
    "AbstractSolver",
    "AbstractTarget",
    "Compression",
    "CompressionProblem",
    "DatabaseHistory",
    "Deterministic",
    "Empirical",
    "HistoryAwareSampler",
    "HistoryConflictError",
    "HistoryStoreError",
    "HuberEnergy",
    "MemoryHistory",
    "StandardNormal",
    "StudentT",
    "compress",
    "export_history",
    "galleries",
    "import_history",
    "squared_distance",
    "squared_distance_to",
]
