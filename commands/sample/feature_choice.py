"""What `sample` compares images by: a network, and what it sees in the data."""

import hashlib
import math
from dataclasses import dataclass, fields
from typing import Any, final

import torch
from jaxtyping import Float
from lightning import LightningDataModule
from torch import Tensor, nn

from commands.errors import UsageError
from hawc import Empirical, FeatureSampler
from hawc.samplers import LatentsWithFeatures
from hawc.targets import AbstractTarget
from lightning_modules.interface import LatentGenerator, TrainingExamples, provides
from metrics import extract_features

__all__ = ["FeatureChoice", "FeatureOptions", "SeenItems"]

_NUM_CANDIDATES = 1000


@final
@dataclass(frozen=True)
class SeenItems:
    """Names the features of some examples, for a gallery that is for these alone.

    By what they are computed from and not by their bits, which differ from machine to machine.

    Args:
        network: class, settings and digest of the weights.
        examples: class of the data, number and digest.
        dim: the number of features.
    """

    network: str
    examples: str
    dim: int


@final
@dataclass(frozen=True)
class FeatureOptions:
    """The options of `sample` that only its sampler `feature` heeds.

    Args:
        feature_network: images, or rows of a table, to features.
        num_real: training examples to be like, at least 1; fewer if there are fewer.
        min_distance: as of `hawc.FeatureSampler`.
        num_steps: as of `hawc.FeatureSampler`.
    """

    feature_network: nn.Module | None = None
    num_real: int = 4000
    min_distance: float | None = None
    num_steps: int | None = None

    def check_left_out(self, sampler: str) -> None:
        """Raises UsageError if one of the options is given for another sampler."""
        for option in fields(self):
            if getattr(self, option.name) != option.default:
                raise UsageError(
                    f"`{option.name}` must be left out for the sampler {sampler}, which does not "
                    "look at images; name --sampler feature."
                )

    def choice(self, data: LightningDataModule | None, device: torch.device) -> "FeatureChoice":
        """Returns how latents are chosen; the data are read and seen by the network.

        Raises:
            UsageError: if an option is missing or out of its range, or the data do not fit the
                network.
        """
        network = self._checked_net()
        if not provides(data, TrainingExamples):
            raise UsageError(
                "`data` must have `train_examples(n)` for the sampler feature, as the data modules "
                f"here do, got {type(data).__name__}."
            )
        assert isinstance(data, LightningDataModule)
        data.prepare_data()
        data.setup("fit")
        examples = data.train_examples(self.num_real)
        try:
            extract_features(network, examples[:1])
        except (TypeError, ValueError, RuntimeError) as error:
            raise UsageError(
                f"`feature_network` must take what {type(data).__name__} holds, "
                f"{tuple(examples.shape[1:])} an example: {error}"
            ) from error
        features = extract_features(network.to(device), examples.to(device)).cpu()
        # buffers too, and such as no state dict holds: the weights of the networks here
        weights = (*network.parameters(), *network.buffers())
        told = " ".join(f"{type(network).__name__}({network.extra_repr()})".split())
        seen = SeenItems(
            network=f"{told} sha256={_digest(repr(network), *weights)}",
            examples=f"{len(examples)} of {type(data).__name__} sha256={_digest('', examples)}",
            dim=features.shape[1],
        )
        return FeatureChoice(network, Empirical(features), seen, self.min_distance, self.num_steps)

    def _checked_net(self) -> nn.Module:
        if self.feature_network is None:
            raise UsageError(
                "`feature_network` must be given for the sampler feature, got none; name one, as "
                "--feature_network networks.DigitFeatures --feature_network.role choosing."
            )
        for name, least in (("num_real", 1), ("min_distance", 0), ("num_steps", 0)):
            value = getattr(self, name)
            if value is not None and not least <= value < math.inf:
                raise UsageError(f"`{name}` must be finite and at least {least}, got {value}.")
        return self.feature_network.requires_grad_(False)


@final
@dataclass(frozen=True)
class FeatureChoice:
    """Chooses latents by the features of what they decode to.

    Args:
        network: images, or rows of a table, to features.
        data: the distribution of the features of real ones.
        seen: names that distribution.
        min_distance: as of `hawc.FeatureSampler`.
        num_steps: as of `hawc.FeatureSampler`.
    """

    network: nn.Module
    data: Empirical
    seen: SeenItems
    min_distance: float | None
    num_steps: int | None

    @property
    def description(self) -> dict[str, Any]:
        """What a manifest says of the choice."""
        return {
            "feature_network": self.seen.network,
            "real_items": self.seen.examples,
            "min_distance": self.min_distance,
            "num_steps": self.num_steps,
        }

    def rows(self, distribution: AbstractTarget) -> LatentsWithFeatures:
        """Returns what a gallery records for a distribution of latents."""
        return LatentsWithFeatures(distribution, self.seen)

    def sampler(self, model: LatentGenerator, chunk_size: int) -> FeatureSampler:
        """Returns what chooses up to `chunk_size` of a model's latents at once."""
        return FeatureSampler(
            model.prior,
            decode=model.decode,
            features=self.network,
            data=self.data,
            num_candidates=max(_NUM_CANDIDATES, chunk_size),
            num_steps=self.num_steps,
            min_distance=self.min_distance,
        )


def _digest(text: str, *tensors: Float[Tensor, "..."]) -> str:
    state = hashlib.sha256(text.encode())
    for tensor in tensors:
        state.update(str((tensor.dtype, tuple(tensor.shape))).encode())
        state.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return state.hexdigest()[:12]
