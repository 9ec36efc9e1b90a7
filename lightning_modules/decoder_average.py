"""The average of several decoders, for autoencoders that share one latent space.

    decode(z) = (1/m) sum_i g_i(z),    encode(x) = (1/m) sum_i e_i(x).

The mean of the members' images has at most their mean squared error (it is convex), less by the
variance between members. That is of use only where a latent means the same to all of them:
snapshots of one run, or runs continued from one checkpoint. Members trained apart choose their own
coordinates (N(0, I) looks the same after every rotation), so that a mean over them would lay
unrelated images over each other; ``Ensemble`` is for those.

Codes are averaged for the same reason and under the same condition, and only best ones: a mean of
codes that are drawn at random, as those of a VAE, would vary less than the prior, so there is
no `sample_latents`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import final

import torch
from lightning import LightningModule
from torch import Tensor, nn

from hawc.targets import AbstractTarget
from lightning_modules.base.checkpoints import check_members, load_members

__all__ = ["DecoderAverage"]


@final
class DecoderAverage(LightningModule):
    """The average of models at the same latents; it is sampled, not trained.

    Args:
        members: snapshots of one run, at least one.

    Raises:
        ValueError: if members differ in prior or image shape.
        TypeError: if a member cannot be sampled.
    """

    def __init__(self, members: Sequence[LightningModule]) -> None:
        super().__init__()
        check_members(members)
        self.members = nn.ModuleList(members)

    @classmethod
    def from_checkpoints(
        cls, model: LightningModule, checkpoints: Sequence[str | Path]
    ) -> "DecoderAverage":
        """Returns the average of a model's checkpoints, snapshots of one run.

        Args:
            model: of the checkpoints' architecture; left as it is.
            checkpoints: files that Lightning wrote, at least one.

        Raises:
            ValueError: if a file is no checkpoint of the model.
        """
        return cls(load_members(model, checkpoints))

    @property
    def prior(self) -> AbstractTarget:
        distribution = self.members[0].prior
        assert isinstance(distribution, AbstractTarget)
        return distribution

    def decode(self, z: Tensor) -> Tensor:
        """Returns the mean of what the members make of latents (n, d)."""
        return torch.stack([member.decode(z) for member in self.members]).mean(0)

    def encode(self, images: Tensor) -> Tensor:
        """Returns the mean of the members' latents (n, d) of images (n, *image_shape)."""
        return torch.stack([member.encode(images) for member in self.members]).mean(0)
