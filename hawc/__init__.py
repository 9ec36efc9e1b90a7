"""History-aware sampling: each batch of points complements all earlier ones.

Start with `HistoryAwareSampler(StandardNormal(dim))`, or with `FeatureSampler` for the images of a
generator. The names here are the samplers, the histories, `compress`, `select` and two targets.
Everything else is in its module:

    hawc.kernels        Energy, HuberEnergy, Power, Quotient, GaussianComplement
    hawc.targets        StandardNormal, Normal, GaussianMixture, StudentT, UniformCube, Empirical
    hawc.compression    solvers: Typical, Deterministic, Stochastic
    hawc.distances      squared distances of points and targets; hawc.sliced: along random lines
    hawc.samplers       descriptions of history rows: LatentsWithFeatures, Features
    hawc.history        Gallery, rows, contact sheets, export and import, errors
    hawc.selection      mean_distance, for the weights of `select`
    hawc.spacing        the distance that a share of images has from its nearest neighbor
    hawc.divergences    KL, Jensen-Shannon, total variation, Wasserstein-1
    hawc.variational    mean-field approximations

`python -m hawc gallery` lists, shows, exports and forgets what a store holds.
"""

from typing import TYPE_CHECKING, Any

from hawc.compression import compress
from hawc.history import MemoryHistory
from hawc.samplers import FeatureSampler, HistoryAwareSampler, IndependentSampler, SobolSampler
from hawc.selection import select
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
    "select",
]


def __getattr__(name: str) -> Any:
    if name == "DatabaseHistory":  # loads SQLAlchemy, so at first use
        from hawc.history import DatabaseHistory

        return DatabaseHistory
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
