"""Interpolations between examples, through their latents."""

import math
from collections.abc import Iterator
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
from callbacks.base.latent_paths import linear_path, spherical_path

__all__ = ["Interpolation"]

_PATHS = {"linear": linear_path, "spherical": spherical_path}
_MAX_PANELS = 16  # readable in one figure


@final
class Interpolation(AbstractEpochImages):
    """Shows decoded paths between the latents of pairs of examples.

    Writes epoch-NNNN-interpolation.png to <run folder>/images and "images/interpolation" to W&B.
    Each pair of images has two lines between the originals: the linear path and the spherical path
    (``callbacks.base.latent_paths``). For table rows the figure shows the first pair, with one
    panel for each of the first sixteen features.

    Args:
        num_pairs: number of pairs, at least 1: the first example with the second, the third with
            the fourth and so on.
        num_steps: points on a path, both ends included; at least 2.
        every_n_epochs: interval in training epochs, at least 1; the last epoch is always shown.

    Raises:
        ValueError: if a number is out of its range.
        TypeError: (when a run starts) if the model is not an autoencoder.
    """

    def __init__(self, num_pairs: int = 4, num_steps: int = 11, every_n_epochs: int = 1) -> None:
        check_at_least(1, num_pairs=num_pairs)
        check_at_least(2, num_steps=num_steps)
        super().__init__(2 * num_pairs, every_n_epochs)
        self._num_steps = num_steps

    def make_images(self, module: LightningModule, examples: Examples) -> Iterator[LoggedImage]:
        num_pairs = len(examples.images) // 2
        if num_pairs == 0:
            return
        images = examples.images[: 2 * num_pairs].float()
        latents = encode(module, images)
        paths = {
            name: decode(module, path(latents[::2], latents[1::2], self._num_steps).flatten(0, 1))
            for name, path in _PATHS.items()
        }
        caption = f"{num_pairs} pairs of {examples.origin} examples; between them "
        if are_images(images):
            content = grid(_strips(images, list(paths.values())), self._num_steps + 2)
            caption += (
                "the decoded linear (upper line) and spherical path (lower line) of their latents"
            )
            yield LoggedImage("images/interpolation", content, caption)
        elif images.ndim == 2:
            rows = {name: decoded[: self._num_steps] for name, decoded in paths.items()}
            caption += "the decoded paths of their latents; the first pair is shown"
            figure = _table_figure(images[:2], rows, examples.feature_names)
            yield LoggedImage("images/interpolation", figure, caption)


def _strips(images: Tensor, paths: list[Tensor]) -> Tensor:
    """Returns one line of images for each pair and path, between the originals."""
    num_pairs = len(images) // 2
    by_pair = [path.unflatten(0, (num_pairs, -1)) for path in paths]
    lines = [
        torch.cat([images[2 * pair, None], path[pair], images[2 * pair + 1, None]])
        for pair in range(num_pairs)
        for path in by_pair
    ]
    return torch.cat(lines)


def _table_figure(ends: Tensor, paths: dict[str, Tensor], names: list[str]) -> Figure:
    """Returns a figure with one panel per feature: values over the path."""
    shown = min(ends.shape[1], _MAX_PANELS)
    columns = min(shown, 4)
    lines = math.ceil(shown / columns)
    figure = new_figure(2.6 * columns + 0.4, 1.8 * lines + 0.8)
    panels = figure.subplots(lines, columns, sharex=True, squeeze=False)
    for feature, axes in enumerate(panels.flat):
        if feature >= shown:
            axes.set_axis_off()
            continue
        for (name, path), style in zip(paths.items(), ("-", "--"), strict=True):
            axes.plot(torch.linspace(0, 1, len(path)), path[:, feature], style, label=name)
        axes.plot([0, 1], ends[:, feature], "ko", ms=4, label="originals")
        axes.set_title(names[feature], fontsize=9)
        axes.tick_params(labelbottom=feature + columns >= shown)  # no panel below it
        axes.grid(alpha=0.3)
    figure.supxlabel("position on the path", fontsize=10)
    figure.supylabel("standardized value", fontsize=10)
    handles = panels[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper right", ncols=3, fontsize=9)
    return figure
