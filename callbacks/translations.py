"""Examples of two domains, translated to the other domain and back."""

from collections.abc import Iterator
from typing import final

import torch
from lightning import LightningModule
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from callbacks.base.checks import check_at_least
from callbacks.base.decoding import translate
from callbacks.base.epoch_images import AbstractEpochImages
from callbacks.base.first_examples import Examples
from callbacks.base.images import LoggedImage, are_images, grid, new_figure
from lightning_modules.interface import Translator

__all__ = ["Translations"]


@final
class Translations(AbstractEpochImages):
    """Shows examples of domain A, translated to B and back to A; and the same from B.

    Writes epoch-NNNN-translations.png to <run folder>/images and "images/translations" to W&B.
    Images have six lines: A, A to B, A to B to A, then B, B to A, B to A to B. For rows of two
    numbers there is one panel per domain: its examples in grey, under the translated examples of
    the other domain.

    Args:
        num_examples: number of validation examples per domain (training examples if there are
            none), at least 1; also the number of columns.
        every_n_epochs: interval in training epochs, at least 1; the last epoch is always shown.

    Raises:
        ValueError: if a number is out of its range.
        TypeError: (when a run starts) if the model does not translate between two domains.
    """

    def __init__(self, num_examples: int = 16, every_n_epochs: int = 1) -> None:
        check_at_least(1, num_examples=num_examples)
        super().__init__(num_examples, every_n_epochs)

    @property
    def model_protocol(self) -> type:
        return Translator

    def make_images(self, module: LightningModule, examples: Examples) -> Iterator[LoggedImage]:
        if examples.partners is None:
            return
        content: Tensor | Figure
        a, b = examples.images.float(), examples.partners.float()
        in_b, in_a = translate(module, a, "b"), translate(module, b, "a")
        if are_images(a):
            lines = (a, in_b, translate(module, in_b, "a"))
            other_lines = (b, in_a, translate(module, in_a, "b"))
            content = grid(torch.cat((*lines, *other_lines)), len(a))
        elif a.shape[1:] == (2,):
            content = _plane({"A": (a, in_a), "B": (b, in_b)})
        else:
            return
        caption = f"{len(a)} {examples.origin} examples of A, in B and back in A; the same from B"
        yield LoggedImage("images/translations", content, caption)


def _plane(domains: dict[str, tuple[Tensor, Tensor]]) -> Figure:
    """Returns a figure with the examples (n, 2) and translated ones of each domain."""
    figure = new_figure(9.0, 4.5)
    panels: list[Axes] = list(figure.subplots(1, 2))
    for axes, (name, (examples, translated)) in zip(panels, domains.items(), strict=True):
        axes.scatter(*examples.T, s=9, c="0.75", linewidths=0, label="data")
        axes.scatter(*translated.T, s=9, linewidths=0, label="translated")
        axes.set_title(f"domain {name}")
        axes.set_aspect("equal", adjustable="datalim")
    panels[0].legend(loc="upper right")
    return figure
