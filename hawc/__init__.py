"""History-aware sampling: each batch of points complements all earlier ones.

Start with `HistoryAwareSampler(StandardNormal(dim))`. The names here are the samplers, the
histories, `compress` and two targets. Everything else is in its module:

    hawc.kernels        Energy, HuberEnergy, Power, Quotient, GaussianComplement
    hawc.targets        StandardNormal, Normal, GaussianMixture, StudentT, UniformCube, Empirical
    hawc.compression    solvers: Typical, Deterministic, Stochastic
    hawc.distances      squared distances of points and targets; hawc.sliced: along random lines
    hawc.history        galleries of a store, export and import, errors
    hawc.divergences    KL, Jensen-Shannon, total variation, Wasserstein-1
    hawc.variational    mean-field approximations
"""

from typing import TYPE_CHECKING, Any

from hawc.compression import compress
from hawc.history import MemoryHistory
from hawc.samplers import FeatureSampler, HistoryAwareSampler, IndependentSampler, SobolSampler
from hawc.targets import Empirical, StandardNormal

if TYPE_CHECKING:
    from hawc.history import DatabaseHistory

__all__ = [
    "DatabaseHistory",
    "Empirical",
    "FeatureSampler",
    "HistoryAwareSampler",
    "IndependentSampler",
    "MemoryHistory",
    "SobolSampler",
    "StandardNormal",
    "compress",
]


def __getattr__(name: str) -> Any:
    if name == "DatabaseHistory":  # loads SQLAlchemy, so at first use
        from hawc.history import DatabaseHistory

        return DatabaseHistory
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
