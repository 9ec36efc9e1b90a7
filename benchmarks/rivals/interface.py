"""The input of every rival: the candidates of a round, or the latents that it may move."""

from dataclasses import dataclass
from typing import Protocol, final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.targets import AbstractTarget

__all__ = ["Chooser", "FeatureGenerator", "Mover", "Round"]


@final
@dataclass(frozen=True, eq=False)
class Round:
    """The candidates of one round, the same for every rival, and its own past.

    Args:
        features: of the candidates.
        past: features of all images that the rival chose in earlier rounds.
        n: number of images to choose.
        quality: one score in [0, 1] per candidate; None if the generator has none.
        data: features of real images, or of i.i.d. images if the generator has no real ones.
    """

    features: Float[Tensor, "m f"]
    past: Float[Tensor, "k f"]
    n: int
    quality: Float[Tensor, " m"] | None
    data: Float[Tensor, "r f"]


class Chooser(Protocol):
    """A rival that chooses among given candidates."""

    def __call__(self, round_: Round) -> list[int]:
        """Returns the indices of n different candidates."""


class FeatureGenerator(Protocol):
    """A generator with the network that chooses among its images."""

    @property
    def prior(self) -> AbstractTarget:
        """The distribution of latents."""

    def features(self, latents: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        """Returns the features of the images of latents, with gradients."""


class Mover(Protocol):
    """A rival that moves the latents of a batch by gradients through the decoder."""

    def __call__(
        self,
        latents: Float[Tensor, "n d"],
        past: Float[Tensor, "k f"],
        generator: FeatureGenerator,
        steps: int,
        random: torch.Generator,
    ) -> Float[Tensor, "n d"]:
        """Returns moved latents after `steps` decoder calls per latent.

        Args:
            latents: i.i.d. samples of the prior.
            past: features of all images of earlier rounds.
            generator: decoder and features.
            steps: number of gradients.
            random: of its noise.
        """
