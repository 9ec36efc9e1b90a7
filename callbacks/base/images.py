"""Where images go: <run folder>/images as PNG, and W&B."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from lightning import Trainer
from lightning.pytorch.loggers import WandbLogger
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor
from torchvision.transforms.functional import to_pil_image
from torchvision.utils import make_grid

__all__ = ["LoggedImage", "are_images", "grid", "new_figure", "show"]

_COLORS = (1, 3)  # channels that can be shown


@final
@dataclass(frozen=True)
class LoggedImage:
    """One image to show.

    Args:
        name: in W&B, as "samples/new"; its last part names the file.
        content: (3, h, w) in [0, 1], or a figure of matplotlib.
        caption: says what is seen.
        replaces_earlier: whether one file is written over and over, in place of one an epoch.
    """

    name: str
    content: Tensor | Figure
    caption: str
    replaces_earlier: bool = False


def show(trainer: Trainer, image: LoggedImage, epoch: int) -> None:
    """Writes images/epoch-NNNN-<name>.png into the run's folder, and to every W&B logger.

    A kill or a full disk leaves a whole file or none.

    Args:
        trainer: knows the run's folder and its loggers.
        image: to be shown; only one process should.
        epoch: as counted from 1.
    """
    stem = image.name.rpartition("/")[2]
    file_name = f"{stem}.png" if image.replaces_earlier else f"epoch-{epoch:04d}-{stem}.png"
    folder = Path(trainer.default_root_dir) / "images"
    folder.mkdir(parents=True, exist_ok=True)
    pixels = _pixels(image.content)
    partial = folder / f".{file_name}.part"
    try:
        to_pil_image(pixels).save(partial, "png")
        os.replace(partial, folder / file_name)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    for logger in trainer.loggers:
        if isinstance(logger, WandbLogger):
            logger.log_image(image.name, [pixels], caption=[f"epoch {epoch}: {image.caption}"])


def are_images(examples: Tensor) -> bool:
    """Whether a batch can be shown as images; rows of a table cannot."""
    return examples.ndim == 4 and examples.shape[1] in _COLORS


def grid(images: Tensor, columns: int) -> Tensor:
    """Returns images (n, 1 or 3, h, w) row by row as one of (3, ...), with lines between."""
    return make_grid(images, nrow=columns, padding=1, pad_value=0.5)


def new_figure(width: float, height: float) -> Figure:
    """Returns an empty figure, sides in inches, that no global state knows of."""
    figure = Figure(figsize=(width, height), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _pixels(content: Tensor | Figure) -> np.ndarray:
    """Returns (h, w, 3) of uint8."""
    if isinstance(content, Tensor):
        return content.mul(255).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
    canvas = content.canvas
    assert isinstance(canvas, FigureCanvasAgg)  # new_figure has seen to it
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
