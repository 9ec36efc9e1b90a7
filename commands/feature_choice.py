"""What `sample` compares pictures by: a net, and what it sees in the data."""

import hashlib
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float
from lightning import LightningDataModule
from torch import Tensor, nn

from callbacks.first_items import FirstItems
from commands.errors import UsageError
from hawc import Empirical, FeatureSampler
from lightning_modules.interface import LatentGenerator
from metrics import extract_features

__all__ = ["FeatureChoice"]


@final
@dataclass(frozen=True)
class FeatureChoice:
    """Chooses latents by the features of what they decode to.

    Args:
        net: pictures, or rows of a table, to features.
        data: the law of the features of real ones.
        min_distance: as of `hawc.FeatureSampler`.
    """

    net: nn.Module
    data: Empirical
    min_distance: float

    @staticmethod
    def from_data(
        net: nn.Module,
        datamodule: LightningDataModule,
        num_real: int,
        min_distance: float,
        folder: Path,
    ) -> "FeatureChoice":
        """Returns the choice by the first training items, whose features are kept in a folder.

        A gallery knows its law by every bit of these numbers, which another machine would round in
        another way, so that they are computed once for a net and its items.

        Args:
            net: is frozen from here on.
            datamodule: of the model's training.
            num_real: items, at least 1; fewer if there are fewer.
            min_distance: as of `hawc.FeatureSampler`.
            folder: exists.

        Raises:
            UsageError: if a number is out of its range, the items do not fit the net, or the
                folder's file is damaged.
        """
        if num_real < 1:
            raise UsageError(f"`num_real` must be at least 1, got {num_real}.")
        if not 0 <= min_distance < math.inf:
            raise UsageError(f"`min_distance` must be finite and at least 0, got {min_distance}.")
        net.requires_grad_(False)
        items = _first_items(datamodule, num_real)
        path = folder / f"features-{_digest(net, items)}.npy"
        if not path.exists():
            try:
                _write_once(path, extract_features(net, items))
            except (TypeError, ValueError, RuntimeError) as error:
                raise UsageError(
                    f"`feature_net` must take what {type(datamodule).__name__} holds, "
                    f"{tuple(items.shape[1:])} an item: {error}"
                ) from error
        return FeatureChoice(net, Empirical(_read(path)), min_distance)

    @property
    def description(self) -> dict[str, Any]:
        """What a manifest says of the choice."""
        return {
            "feature_net": type(self.net).__name__,
            "real_features": repr(self.data),
            "min_distance": self.min_distance,
        }

    def sampler(self, model: LatentGenerator) -> FeatureSampler:
        """Returns what chooses a model's latents."""
        return FeatureSampler(
            model.latent_target,
            decode=model.decode,
            features=self.net,
            data=self.data,
            min_distance=self.min_distance,
        )


def _first_items(datamodule: LightningDataModule, number: int) -> Float[Tensor, "n ..."]:
    datamodule.prepare_data()
    datamodule.setup("fit")
    batches: Iterable[list[Tensor]] = datamodule.train_dataloader()
    found = FirstItems(number, "training")
    for batch in batches:
        found.add(batch)
        if len(found) == number:
            break
    return found.items().images


def _digest(net: nn.Module, items: Tensor) -> str:
    """Returns what tells a net and the items that it sees from all others."""
    state = hashlib.sha256(repr(net).encode())
    # buffers too, and such as no state dict holds: the weights of the nets here
    for tensor in (*net.parameters(), *net.buffers(), items):
        state.update(str((tensor.dtype, tuple(tensor.shape))).encode())
        state.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return state.hexdigest()[:12]


def _write_once(path: Path, features: Tensor) -> None:
    """Puts the file in its place whole, unless another command was faster."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("wb") as file:
            np.save(file, features.cpu().numpy())
        os.link(partial, path)
    except FileExistsError:
        pass
    finally:
        partial.unlink(missing_ok=True)


def _read(path: Path) -> Float[Tensor, "n f"]:
    try:
        return torch.from_numpy(np.load(path, allow_pickle=False))
    except (ValueError, EOFError) as error:
        raise UsageError(
            f"'{path}' must hold features of the data as `sample` wrote them ({error}); remove it "
            "to have them computed anew, for a new gallery."
        ) from error
