"""Generative models that remember what they made: history-aware compression of a law to points.

Start with `HistoryAwareSampler(StandardNormal(dim))`; see README.md for the experiment framework
around it. Everything here is torch, SciPy and SQLAlchemy: no Lightning, no images.
"""

from hawc.compression import (
    AbstractSolver,
    Compression,
    CompressionProblem,
    Deterministic,
    Stochastic,
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
    HistoryConflictError,
    MemoryHistory,
)
from hawc.kernels import (
    AbstractKernel,
    Energy,
    GaussianComplement,
    HuberEnergy,
    Power,
    Quotient,
)
from hawc.samplers import (
    AbstractSampler,
    HistoryAwareSampler,
    IndependentSampler,
    SobolSampler,
)
from hawc.sliced import (
    sliced_squared_distance,
)
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
    "AbstractSampler",
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
    "IndependentSampler",
    "MemoryHistory",
    "Normal",
    "Power",
    "Quotient",
    "SobolSampler",
    "StandardNormal",
    "Stochastic",
    "StudentT",
    "UniformCube",
    "compress",
    "sliced_squared_distance",
    "squared_distance",
    "squared_distance_to",
    "unbiased_squared_distance",
    "unbiased_squared_distance_to",
]
