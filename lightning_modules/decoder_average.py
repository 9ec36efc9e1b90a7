"""The average of several decoders, for autoencoders that share one latent space.

    decode(z) = (1/m) sum_i g_i(z),    encode(x) = (1/m) sum_i e_i(x).

The squared error of the mean image is the members' mean squared error less the variance between
members. This helps only if all members decode a latent to the same content: snapshots of one run,
or runs continued from one checkpoint. Members trained independently choose their own coordinates
(N(0, I) is invariant under rotations), so their mean would overlay unrelated images; ``Ensemble``
is for those.

Latents are averaged for the same reason and under the same condition, but only the most likely
ones: a mean of latents sampled at random, as in a VAE, would vary less than the prior. Hence there
is no `sample_latents`.
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
    """The average of models at equal latents; it is sampled, not trained.

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
            model: of the checkpoints' architecture; unchanged.
            checkpoints: files that Lightning wrote, at least one.

        Raises:
            ValueError: if a file is no checkpoint of the model.
        """
        return cls(load_members(model, checkpoints))

    @property
    def prior(self) -> AbstractTarget:
        prior = self.members[0].prior
        assert isinstance(prior, AbstractTarget)
        return prior

    def decode(self, z: Tensor) -> Tensor:
        """Returns the mean of the members' images for latents (n, d)."""
        return torch.stack([member.decode(z) for member in self.members]).mean(0)

    def encode(self, images: Tensor) -> Tensor:
        """Returns the mean of the members' latents (n, d) of images (n, *image_shape)."""
        return torch.stack([member.encode(images) for member in self.members]).mean(0)
