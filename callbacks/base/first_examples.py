"""The first few examples of the data, kept as the trainer delivers them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

__all__ = ["Examples", "FirstExamples"]


@final
@dataclass(frozen=True)
class Examples:
    """Some examples and where they come from.

    Args:
        images: images (n, c, h, w) or table rows (n, features).
        labels: labels (n,), or None.
        origin: "validation" or "training", for captions.
        partners: examples of the other domain, shaped like `images`; None for a single domain.
        column_names: names of a row's features; numbers are used if empty.
    """

    images: Tensor
    labels: Tensor | None
    origin: str
    partners: Tensor | None = None
    column_names: Sequence[str] = ()

    @property
    def feature_names(self) -> list[str]:
        """The names of a row's features."""
        return list(self.column_names) or [f"feature {i + 1}" for i in range(self.images.shape[1])]


@final
class FirstExamples:
    """Keeps the first examples of the first pass over the data, on the CPU.

    It receives the batches that Lightning delivers anyway. Iterating over a loader would change its
    position, and a resumed run would not continue where the training stopped.

    Args:
        num_examples: number of examples to keep, at least 1; fewer if the data have fewer.
        origin: "validation" or "training", for captions.
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
        """Keeps the examples of a batch that are still missing.

        Args:
            batch: (examples, labels or partners, ...) or (examples,). A second tensor (n,) holds
                labels, one shaped like the examples holds partners; anything else is ignored.
        """
        missing = self._num_examples - self._num_kept
        if self._is_complete or missing == 0:
            return
        # copies, since a view would keep the whole batch in memory
        parts = [part for part in batch[:2] if isinstance(part, Tensor)]
        kept = [part[:missing].detach().to("cpu", copy=True) for part in parts]
        self._images.append(kept[0])
        if len(kept) > 1 and kept[1].ndim == 1:
            self._labels.append(kept[1])
        elif len(kept) > 1 and kept[1].shape[1:] == kept[0].shape[1:]:
            self._partners.append(kept[1])
        self._num_kept += len(kept[0])

    def end_pass(self) -> None:
        """Ends a pass over the data; later batches would repeat its examples."""
        self._is_complete = self._num_kept > 0

    def examples(self) -> Examples:
        """Returns the examples kept, at least one."""
        labels = torch.cat(self._labels) if self._labels else None
        partners = torch.cat(self._partners) if self._partners else None
        return Examples(torch.cat(self._images), labels, self._origin, partners)
