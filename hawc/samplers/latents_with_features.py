"""The description of history rows of latents with the features of their images."""

from dataclasses import dataclass
from typing import final

from hawc.arguments import check_instance
from hawc.history import Recorded
from hawc.history.abstract import check_recorded
from hawc.targets import AbstractTarget

__all__ = ["LatentsWithFeatures"]


@final
@dataclass(frozen=True)
class LatentsWithFeatures:
    """Description of the rows of a `hawc.FeatureSampler`: latent, then features.

    Pass it to `hawc.DatabaseHistory` as the target. The gallery stores its `repr`, and refuses
    other distributions and features of another network.

    Features computed again on another device, or with another number of threads, round differently
    and are refused too. Either compute `data` once and store its points, or pass as `data` any
    object with `dim` and a fixed `repr`. The constructor of the sampler refuses a gallery of such
    an object; assign it to the sampler's attribute `history`.

    Args:
        prior: the distribution of the latents.
        data: the distribution of the features, or an object that names it.
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
