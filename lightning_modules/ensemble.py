"""A mixture of trained generators, sampled like one.

Members g_1, ..., g_m with latents Z ~ N(0, I_d) and weights w_i that sum to 1 make the mixture
sum_i w_i distribution(g_i(Z)). A latent of the mixture is (z, t) with one coordinate more, which
chooses:

    decode(z, t) = g_i(z)    for    W_(i-1) <= Phi(t) < W_i,    W_i = w_1 + ... + w_i,

Phi the distribution function of N(0, 1). So the member is a function of the latent, P(i) = w_i, and
(z, t) ~ N(0, I_(d+1)): samplers, galleries and metrics meet a model like any other. History-aware
sampling spreads t like the other coordinates, so that even a few samples share out the members
better than independent ones do.

Unlike ``DecoderAverage`` it asks nothing of the members' latent spaces. Between two values of t the
images jump, so paths of latents should keep t.

Source: for mixtures of generators against mode collapse Tolstikhin et al. 2017, "AdaGAN", arXiv
1701.02386; here they are trained apart. Choosing by a coordinate of the latent is ours.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import final

import torch
from lightning import LightningModule
from torch import Tensor, nn

from hawc import StandardNormal
from hawc.targets import AbstractTarget
from lightning_modules.base.checkpoints import check_members, load_members
from lightning_modules.interface import LatentGenerator, provides

__all__ = ["Ensemble"]


@final
class Ensemble(LightningModule):
    """A mixture of models whose latents are standard normal; it is sampled, not trained.

    Args:
        members: trained models of one prior and one image shape, at least one.
        weights: of the members, > 0; they are divided by their sum. Equal ones if None.

    Raises:
        ValueError: if members differ, their latents are not standard normal, or weights do not fit.
        TypeError: if a member cannot be sampled.
    """

    def __init__(
        self, members: Sequence[LightningModule], weights: Sequence[float] | None = None
    ) -> None:
        super().__init__()
        check_members(members)
        weights = [1.0] * len(members) if weights is None else list(weights)
        if len(weights) != len(members) or not all(0 < w < float("inf") for w in weights):
            raise ValueError(
                f"`weights` must be a positive number for each of the {len(members)} members, got "
                f"{weights}."
            )
        distribution = _first(members).prior
        if repr(distribution) != repr(StandardNormal(distribution.dim)):
            raise ValueError(
                f"`members` must have standard normal latents, so that one coordinate more can "
                f"choose among them, got {distribution}; train them with such a distribution."
            )
        self.members = nn.ModuleList(members)
        self._target = StandardNormal(distribution.dim + 1)
        shares = torch.tensor(weights, dtype=torch.float64).cumsum(0)
        borders = torch.special.ndtri(shares[:-1] / shares[-1])
        self.register_buffer("borders", borders.float(), persistent=False)

    @classmethod
    def from_checkpoints(
        cls,
        model: LightningModule,
        checkpoints: Sequence[str | Path],
        weights: Sequence[float] | None = None,
    ) -> "Ensemble":
        """Returns the mixture of a model's checkpoints, of several runs or snapshots of one.

        Args:
            model: of the checkpoints' architecture; left as it is.
            checkpoints: files that Lightning wrote, at least one.
            weights: of the members, as above.

        Raises:
            ValueError: if a file is no checkpoint of the model, or as above.
        """
        return cls(load_members(model, checkpoints), weights)

    @property
    def prior(self) -> AbstractTarget:
        return self._target

    def choices(self, z: Tensor) -> Tensor:
        """Returns the number of the member, from 0, that decodes each of latents (n, d + 1)."""
        assert isinstance(self.borders, Tensor)
        return torch.bucketize(z[:, -1].contiguous(), self.borders.to(z), right=True)

    def decode(self, z: Tensor) -> Tensor:
        """Returns what latents (n, d + 1) stand for, each decoded by the member it chooses."""
        chosen, own = self.choices(z), z[:, :-1]
        places = [(chosen == number).nonzero()[:, 0] for number in range(len(self.members))]
        # a member whose turn it is not decodes nothing, which batch norms would not stand
        parts = [
            member.decode(own[place])
            for member, place in zip(self.members, places, strict=True)
            if len(place)
        ]
        if not parts:
            return self.members[0].decode(own)
        order = torch.cat(places)
        return torch.cat(parts)[order.argsort()]


def _first(members: Sequence[LightningModule]) -> LatentGenerator:
    first = members[0]
    assert provides(first, LatentGenerator)  # check_members has seen to it
    return first
