"""Generative models that remember what they made: history-aware compression of a distribution to
points.

Start with `HistoryAwareSampler(StandardNormal(dim))`; see README.md for the experiment framework
around it. Everything here is torch, SciPy and SQLAlchemy: no Lightning, no images.
"""

from hawc.compression import (
    AbstractSolver,
    Compression,
    CompressionProblem,
    Deterministic,
    Stochastic,
    Typical,
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
    Gallery,
    HistoryConflictError,
    HistoryStoreError,
    MemoryHistory,
    export_history,
    galleries,
    import_history,
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
    FeatureSampler,
    HistoryAwareSampler,
    IndependentSampler,
    LatentsWithFeatures,
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
    "DatabaseHistory",
    "Deterministic",
    "Empirical",
    "Energy",
    "FeatureSampler",
    "Gallery",
    "GaussianComplement",
    "GaussianMixture",
    "HistoryAwareSampler",
    "HistoryConflictError",
    "HistoryStoreError",
    "HuberEnergy",
    "IndependentSampler",
    "LatentsWithFeatures",
    "MemoryHistory",
    "Normal",
    "Power",
    "Quotient",
    "SobolSampler",
    "StandardNormal",
    "Stochastic",
    "StudentT",
    "Typical",
    "UniformCube",
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
