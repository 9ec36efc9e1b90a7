"""Original examples over their reconstructions."""

import math
from collections.abc import Iterator, Sequence
from typing import final

import torch
from lightning import LightningModule
from matplotlib.figure import Figure
from torch import Tensor

from callbacks.base.checks import check_at_least
from callbacks.base.decoding import decode, encode
from callbacks.base.epoch_images import AbstractEpochImages
from callbacks.base.first_examples import Examples
from callbacks.base.images import LoggedImage, are_images, grid, new_figure

__all__ = ["Reconstructions"]

_MAX_PANELS = 8  # readable in one figure
_MAX_NAMES = 32  # readable below one panel


@final
class Reconstructions(AbstractEpochImages):
    """Shows the first examples over their reconstructions decode(encode(x)).

    Writes epoch-NNNN-reconstructions.png to <run folder>/images and "images/reconstructions" to
    W&B. Each line of original images stands over the line of its reconstructions. For table rows
    the figure has one panel for each of the first eight, with the values of all features.

    Args:
        num_examples: number of validation examples (training examples if there are none), at
            least 1.
        every_n_epochs: interval in training epochs, at least 1; the last epoch is always shown.
        columns: images per line, at least 1.

    Raises:
        ValueError: if a number is out of its range.
        TypeError: (when a run starts) if the model is not an autoencoder.
    """

    def __init__(self, num_examples: int = 32, every_n_epochs: int = 1, columns: int = 16) -> None:
        check_at_least(1, num_examples=num_examples, columns=columns)
        super().__init__(num_examples, every_n_epochs)
        self._columns = columns

    def make_images(self, module: LightningModule, examples: Examples) -> Iterator[LoggedImage]:
        decoded = decode(module, encode(module, examples.images))
        caption = f"{len(decoded)} {examples.origin} examples over their reconstructions"
        content: Tensor | Figure
        if are_images(decoded):
            columns = min(self._columns, len(decoded))
            content = grid(_line_by_line(examples.images.float(), decoded, columns), columns)
        elif decoded.ndim == 2:
            content = _table_figure(examples.images.float(), decoded, examples.column_names)
        else:
            return
        yield LoggedImage("images/reconstructions", content, caption)


def _line_by_line(originals: Tensor, decoded: Tensor, columns: int) -> Tensor:
    """Returns images in grid order; incomplete lines end in grey images."""
    lines = []
    for part in (originals.split(columns), decoded.split(columns)):
        padding = columns - len(part[-1])
        gray = part[-1].new_full((padding, *part[-1].shape[1:]), 0.5)
        lines.append([*part[:-1], torch.cat([part[-1], gray])])
    return torch.cat([line for pair in zip(*lines, strict=True) for line in pair])


def _table_figure(originals: Tensor, decoded: Tensor, names: Sequence[str]) -> Figure:
    """Returns a figure with one panel per row: its values over the features."""
    shown = min(len(originals), _MAX_PANELS)
    columns = min(shown, 2)
    lines = math.ceil(shown / columns)
    figure = new_figure(4.5 * columns, 0.6 + 1.7 * lines)
    panels = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    features = range(1, originals.shape[1] + 1)
    for number, axes in enumerate(panels.flat):
        if number >= shown:
            axes.set_axis_off()
            continue
        axes.plot(features, originals[number], "o-", ms=4, label="original")
        axes.plot(features, decoded[number], "x--", ms=5, label="reconstruction")
        axes.set_title(f"row {number + 1}", fontsize=9)
        if 0 < len(names) <= _MAX_NAMES:
            axes.set_xticks(features, names, rotation=90, fontsize=8)
        axes.tick_params(labelbottom=number + columns >= shown)  # no panel below it
        axes.grid(alpha=0.3)
    figure.supxlabel("feature", fontsize=10)
    figure.supylabel("standardized value", fontsize=10)
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    return figure
