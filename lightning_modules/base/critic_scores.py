"""The critic's outputs on real and fake images, in one pass where possible."""

import torch
from torch import Tensor, nn

from hawc.precision import full_precision

__all__ = ["check_no_batch_norm", "critic_scores", "mixes_examples"]

_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def critic_scores(critic: nn.Module, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the critic's outputs on real and on fake images.

    They are evaluated in one pass, unless a batch norm would mix the batches. Scores are float32
    also under autocast: a mean of half-precision scores has three digits.
    """
    if mixes_examples(critic):
        return full_precision(critic(real)), full_precision(critic(fake))
    both = full_precision(critic(torch.cat((real, fake))))
    return both[: len(real)], both[len(real) :]


def check_no_batch_norm(critic: nn.Module, reason: str) -> None:
    """Raises ValueError if a critic has a batch norm; `reason` says why it must not."""
    if mixes_examples(critic):
        raise ValueError(
            f"`critic` must have no batch norm, because {reason}, got {type(critic).__name__} with "
            "one; set `batch_norm: false` or use another network, e.g. with layer norms."
        )


def mixes_examples(network: nn.Module) -> bool:
    """Returns whether a batch norm makes the output on one image depend on the others."""
    return any(isinstance(layer, _BATCH_NORMS) for layer in network.modules())
