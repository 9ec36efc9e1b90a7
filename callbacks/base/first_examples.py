"""The same few examples of the data in every epoch, as they come by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

__all__ = ["Examples", "FirstExamples"]


@final
@dataclass(frozen=True)
class Examples:
    """Images (n, c, h, w) or rows (n, features) with labels (n,) or partners, and their origin.

    Partners are the other domain's examples in batches of two domains. Features are named as their
    columns are, or by number where no names are known.
    """

    images: Tensor
    labels: Tensor | None
    origin: str
    partners: Tensor | None = None
    column_names: Sequence[str] = ()

    @property
    def feature_names(self) -> list[str]:
        """Names of the features of a row."""
        return list(self.column_names) or [f"feature {i + 1}" for i in range(self.images.shape[1])]


@final
class FirstExamples:
    """Keeps the first examples of the first pass over the data, on the CPU.

    Reading what Lightning delivers anyway costs nothing, and no loader is disturbed: one that
    counts what it delivered would otherwise not resume where the training stood.

    Args:
        num_examples: how many are kept, at least 1; fewer if the data have fewer.
        origin: of the examples, for captions: "validation" or "training".
    """

    def __init__(self, num_examples: int, origin: str) -> None:
        self._num_examples = num_examples
        self._origin = origin
        self._images: list[Tensor] = []
        self._labels: list[Tensor] = []
        self._partners: list[Tensor] = []
        self._num_kept = 0
        self._is_complete = False

    def __len__(self) -> int:
        return self._num_kept

    def add(self, batch: Sequence[Tensor]) -> None:
        """Keeps what is still missing from a batch (examples, labels or partners, ...) or
        (examples,).

        Labels are numbers (n,), partners are of the examples' shape; any other second part is left.
        """
        missing = self._num_examples - self._num_kept
        if self._is_complete or missing == 0:
            return
        # copies: a view would keep the whole batch in memory
        parts = [part for part in batch[:2] if isinstance(part, Tensor)]
        kept = [part[:missing].detach().to("cpu", copy=True) for part in parts]
        self._images.append(kept[0])
        if len(kept) > 1 and kept[1].ndim == 1:
            self._labels.append(kept[1])
        elif len(kept) > 1 and kept[1].shape[1:] == kept[0].shape[1:]:
            self._partners.append(kept[1])
        self._num_kept += len(kept[0])

    def end_pass(self) -> None:
        """Notes that the next batches would bring the same examples once more."""
        self._is_complete = self._num_kept > 0

    def examples(self) -> Examples:
        """Returns what was kept; at least one example must have been."""
        labels = torch.cat(self._labels) if self._labels else None
        partners = torch.cat(self._partners) if self._partners else None
        return Examples(torch.cat(self._images), labels, self._origin, partners)
