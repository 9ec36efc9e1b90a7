"""A mixture of trained generators, sampled like one model.

Members g_1, ..., g_m with latents Z ~ N(0, I_d) and weights w_i that sum to 1 define the mixture of
the distributions of g_i(Z) with weights w_i. A latent (z, t) of the mixture has one more
coordinate, which chooses the member:

    decode(z, t) = g_i(z)    for    W_(i-1) <= Phi(t) < W_i,    W_i = w_1 + ... + w_i,

with Phi the cumulative distribution function of N(0, 1). The member is thus a function of the
latent, P(i) = w_i, and (z, t) ~ N(0, I_(d+1)): samplers, galleries and metrics need no special
case. History-aware sampling spreads t like the other coordinates, so even a few samples divide
among the members more evenly than i.i.d. ones.

Unlike ``DecoderAverage`` it needs no common latent space of the members. Images jump where
t crosses a border between members, so paths of latents should keep t constant.

Source: for mixtures of generators against mode collapse Tolstikhin et al. 2017, "AdaGAN", arXiv
1701.02386; here they are trained independently. Choosing by a coordinate of the latent is new here.
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
    """A mixture of models with standard normal priors; it is sampled, not trained.

    Args:
        members: trained models of one prior and one image shape, at least one.
        weights: of the members, > 0; normalized by their sum. Equal weights if None.

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
        prior = _first(members).prior
        if repr(prior) != repr(StandardNormal(prior.dim)):
            raise ValueError(
                f"`members` must have a standard normal prior, so that one more coordinate can "
                f"choose among them, got {prior}; train them with such a prior."
            )
        self.members = nn.ModuleList(members)
        self._prior = StandardNormal(prior.dim + 1)
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
        """Returns the mixture of several checkpoints of a model.

        Args:
            model: of the checkpoints' architecture; unchanged.
            checkpoints: files that Lightning wrote, at least one.
            weights: of the members, as above.

        Raises:
            ValueError: if a file is no checkpoint of the model, or as above.
        """
        return cls(load_members(model, checkpoints), weights)

    @property
    def prior(self) -> AbstractTarget:
        return self._prior

    def choices(self, z: Tensor) -> Tensor:
        """Returns the index (n,) of the member that decodes each latent (n, d + 1)."""
        assert isinstance(self.borders, Tensor)
        return torch.bucketize(z[:, -1].contiguous(), self.borders.to(z), right=True)

    def decode(self, z: Tensor) -> Tensor:
        """Decodes each of the latents (n, d + 1) by the member that it chooses."""
        chosen, latents = self.choices(z), z[:, :-1]
        places = [(chosen == number).nonzero()[:, 0] for number in range(len(self.members))]
        # members without latents are skipped: batch norms fail on empty batches
        parts = [
            member.decode(latents[place])
            for member, place in zip(self.members, places, strict=True)
            if len(place)
        ]
        if not parts:
            return self.members[0].decode(latents)
        order = torch.cat(places)
        return torch.cat(parts)[order.argsort()]


def _first(members: Sequence[LightningModule]) -> LatentGenerator:
    first = members[0]
    assert provides(first, LatentGenerator)  # checked by check_members
    return first
