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

    Features computed again on another device, or with another number of threads, round differently.
    They are accepted, since the gallery compares the numbers of an `Empirical` with a tolerance. An
    `Empirical` with a `name` is compared by the name alone.

    Args:
        prior: the distribution of the latents.
        data: the distribution of the features, or an object that names it, such as `Features`.
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

    @property
    def num_features(self) -> int:
        """How many numbers of a row, the last ones, are features."""
        return self.data.dim

    def fingerprint(self) -> dict[str, list[list[float]]]:
        """Returns numbers of the points behind each digest in the repr."""
        fingerprints: dict[str, list[list[float]]] = {}
        for part in (self.prior, self.data):
            own = getattr(part, "fingerprint", None)
            fingerprints |= own() if callable(own) else {}
        return fingerprints
