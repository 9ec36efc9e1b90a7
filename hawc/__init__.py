"""Generative models that remember what they made: history-aware compression of a law to points.

Start with `HistoryAwareSampler(StandardNormal(dim))`; see README.md for the experiment framework
around it. Everything here is torch and SciPy: no Lightning, no images.
"""

from hawc.abstract_sampler import AbstractSampler
from hawc.compression import (
    AbstractSolver,
    Compression,
    CompressionProblem,
    Deterministic,
    compress,
)
from hawc.distances import (
    squared_distance,
    squared_distance_to,
    unbiased_squared_distance,
    unbiased_squared_distance_to,
)
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
from hawc.independent_sampler import IndependentSampler
from hawc.kernels import AbstractKernel, HuberEnergy
from hawc.sampler import HistoryAwareSampler
from hawc.sliced import sliced_squared_distance
from hawc.sobol_sampler import SobolSampler
from hawc.targets import AbstractTarget, Empirical, StandardNormal, StudentT

__all__ = [
    "AbstractHistory",
    "AbstractKernel",
    "AbstractSampler",
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
    "IndependentSampler",
    "MemoryHistory",
    "SobolSampler",
    "StandardNormal",
    "StudentT",
    "compress",
    "export_history",
    "galleries",
    "import_history",
    "sliced_squared_distance",
    "squared_distance",
    "squared_distance_to",
    "unbiased_squared_distance",
    "unbiased_squared_distance_to",
]
