"""What a gallery of latents and their features records of both laws."""

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
    """The rows that `hawc.FeatureSampler` remembers: a latent, then the features of its picture.

    For `hawc.DatabaseHistory`, which keeps its `repr`: a gallery of other laws, or of features by
    another net, is refused. So are features of the same pictures that were computed anew and round
    differently, on another device or number of threads: compute `data` once and store its points,
    or name it by what it is computed from. A sampler refuses a gallery under such a name: call its
    `choose` and append the rows to the gallery.

    Args:
        latent_target: the law of the latents.
        data: the law of the features, or what names it: has `dim`, and a `repr` of its own.
    """

    latent_target: AbstractTarget
    data: Recorded

    def __post_init__(self) -> None:
        check_instance("latent_target", self.latent_target, AbstractTarget)
        check_recorded("data", self.data)

    @property
    def dim(self) -> int:
        """The number of coordinates of a row."""
        return self.latent_target.dim + self.data.dim
