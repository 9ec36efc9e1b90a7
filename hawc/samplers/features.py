"""The description of history rows of features alone."""

from dataclasses import dataclass
from typing import final

from hawc.arguments import whole_number

__all__ = ["Features"]


@final
@dataclass(frozen=True)
class Features:
    """Description of the features of one network.

    As `data` of `LatentsWithFeatures` it stands for a distribution that is not fixed. As the target
    of a `hawc.DatabaseHistory` it describes rows without latents: images of a generator that takes
    seeds, or of a folder.

    Args:
        dim: number of features of an image, at least 1.
        name: of the network that computes them, such as "dinov2_small". Features of another name
            are refused.

    Raises:
        ValueError: if `dim` is not a whole number >= 1, or `name` is not text.
    """

    dim: int
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "dim", whole_number("dim", self.dim, 1))
        if not isinstance(self.name, str):
            raise ValueError(f"`name` must be text, got {self.name!r}.")

    def __repr__(self) -> str:
        name = f", name={self.name!r}" if self.name else ""
        return f"Features(dim={self.dim}{name})"

    @property
    def num_features(self) -> int:
        """The number of features of an image."""
        return self.dim
