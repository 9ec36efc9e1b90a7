"""What becomes of the items of two domains on their way to the other domain and back."""

from collections.abc import Iterator
from typing import final

import torch
from lightning import LightningModule
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from callbacks.base.checks import check_at_least
from callbacks.base.decoding import translate
from callbacks.base.epoch_images import AbstractEpochPictures
from callbacks.base.first_examples import Items
from callbacks.base.images import Picture, are_pictures, grid, new_figure
from lightning_modules.interface import Translator

__all__ = ["Translations"]


@final
class Translations(AbstractEpochPictures):
    """Shows items of A, what they become in B, and back in A; and the same from B.

    Writes epoch-NNNN-translations.png to <run folder>/pictures and "pictures/translations" to W&B:
    for pictures six lines, A, A to B, A to B to A, then B, B to A, B to A to B; for rows of two
    numbers a panel for each domain, its items in grey under what the other domain's become.

    Args:
        num_items: validation items of either domain (training items where there are none), at
            least 1; of pictures as many columns.
        every_n_epochs: interval in training epochs, at least 1; the last epoch is always shown.

    Raises:
        ValueError: if a number is out of its range.
        TypeError: (when a run starts) if the model does not translate between two domains.
    """

    def __init__(self, num_items: int = 16, every_n_epochs: int = 1) -> None:
        check_at_least(1, num_items=num_items)
        super().__init__(num_items, every_n_epochs)

    @property
    def needs(self) -> type:
        return Translator

    def pictures(self, module: LightningModule, items: Items) -> Iterator[Picture]:
        if items.partners is None:
            return
        content: Tensor | Figure
        a, b = items.images.float(), items.partners.float()
        made_b, made_a = translate(module, a, "b"), translate(module, b, "a")
        if are_pictures(a):
            lines = (a, made_b, translate(module, made_b, "a"))
            other_lines = (b, made_a, translate(module, made_a, "b"))
            content = grid(torch.cat((*lines, *other_lines)), len(a))
        elif a.shape[1:] == (2,):
            content = _plane({"A": (a, made_a), "B": (b, made_b)})
        else:
            return
        caption = f"{len(a)} {items.origin} items of A, in B, back in A; then of B"
        yield Picture("pictures/translations", content, caption)


def _plane(domains: dict[str, tuple[Tensor, Tensor]]) -> Figure:
    """Returns a panel for each domain of its items (n, 2) and of those that were made."""
    figure = new_figure(9.0, 4.5)
    panels: list[Axes] = list(figure.subplots(1, 2))
    for axes, (name, (items, made)) in zip(panels, domains.items(), strict=True):
        axes.scatter(*items.T, s=9, c="0.75", linewidths=0, label="data")
        axes.scatter(*made.T, s=9, linewidths=0, label="translated")
        axes.set_title(f"domain {name}")
        axes.set_aspect("equal", adjustable="datalim")
    panels[0].legend(loc="upper right")
    return figure
