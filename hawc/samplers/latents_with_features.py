"""What a gallery of latents and their features records of both distributions."""

from dataclasses import dataclass
from typing import final

from hawc.arguments import check_instance
from hawc.history import Recorded
from hawc.history.galleries import check_recorded
from hawc.targets import AbstractTarget

__all__ = ["LatentsWithFeatures"]


@final
@dataclass(frozen=True)
class LatentsWithFeatures:
    """The rows that `hawc.FeatureSampler` remembers: a latent, then the features of its image.

    For `hawc.DatabaseHistory`, which keeps its `repr`: a gallery of other distributions, or of
    features by another network, is refused. So are features of the same images that were computed
    anew and round differently, on another device or number of threads: compute `data` once and
    store its points, or name it by what it is computed from. Assign a gallery under such a
    name to the sampler's attribute `history`.

    Args:
        prior: the distribution of the latents.
        data: the distribution of the features, or what names it: has `dim`, and a `repr` of its
            own.
    """

    prior: AbstractTarget
    data: Recorded

    def __post_init__(self) -> None:
        check_instance("prior", self.prior, AbstractTarget)
        check_recorded("data", self.data)

    @property
    def dim(self) -> int:
        """The number of coordinates of a row."""
        return self.prior.dim + self.data.dim
