"""Generative models that remember what they made: history-aware compression of a law to points.

Start with `HistoryAwareSampler(StandardNormal(dim))`; see README.md for the experiment framework
around it. Everything here is torch and SciPy: no Lightning, no images.
"""

from hawc.compression import (
    AbstractSolver,
    Compression,
    CompressionProblem,
    Deterministic,
    Stochastic,
    compress,
)
from hawc.distances import squared_distance, squared_distance_to
from hawc.history import AbstractHistory, HistoryConflictError, MemoryHistory
from hawc.kernels import (
    AbstractKernel,
    Energy,
    GaussianComplement,
    HuberEnergy,
    Power,
    Quotient,
)
from hawc.sampler import HistoryAwareSampler
from hawc.targets import (
    AbstractTarget,
    Empirical,
    GaussianMixture,
    Normal,
    StandardNormal,
    StudentT,
    UniformCube,
)

__all__ = [
    "AbstractHistory",
    "AbstractKernel",
    "AbstractSolver",
    "AbstractTarget",
    "Compression",
    "CompressionProblem",
    "Deterministic",
    "Empirical",
    "Energy",
    "GaussianComplement",
    "GaussianMixture",
    "HistoryAwareSampler",
    "HistoryConflictError",
    "HuberEnergy",
    "MemoryHistory",
    "Normal",
    "Power",
    "Quotient",
    "StandardNormal",
    "Stochastic",
    "StudentT",
    "UniformCube",
    "compress",
    "squared_distance",
    "squared_distance_to",
]
