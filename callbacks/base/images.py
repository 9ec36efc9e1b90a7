"""Writes images of a run as PNG files and sends them to W&B.
A callback calls `log_image` with a `LoggedImage`. `log_image` writes the PNG file to images/ in the
run's folder and passes the same pixels to each WandbLogger of the trainer. Other loggers get no
images.
"""

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

from callbacks.base.run_folder import check_run_folder
from hawc.io.files import atomic_write

__all__ = ["LoggedImage", "are_images", "grid", "log_image", "new_figure"]

_SHOWABLE_CHANNELS = (1, 3)


@final
@dataclass(frozen=True)
class LoggedImage:
    """An image or figure with its name and caption.

    Args:
        name: key in W&B, such as "samples/new"; its last part names the file.
        content: pixels (3, h, w) in [0, 1], or a figure of `new_figure`.
        caption: what the image shows.
        replaces_earlier: whether there is one file for all epochs instead of one per epoch.
    """

    name: str
    content: Tensor | Figure
    caption: str
    replaces_earlier: bool = False


def log_image(trainer: Trainer, image: LoggedImage, epoch: int) -> None:
    """Writes <run folder>/images/epoch-NNNN-<name>.png and sends the image to W&B.

    The file is written atomically. Call it in one process only.

    Args:
        trainer: gives the run's folder and its loggers.
        image: image to log.
        epoch: epoch in the file name and the caption, counted from 1.
    """
    check_run_folder(trainer)
    stem = image.name.rpartition("/")[2]
    file_name = f"{stem}.png" if image.replaces_earlier else f"epoch-{epoch:04d}-{stem}.png"
    folder = Path(trainer.default_root_dir) / "images"
    folder.mkdir(parents=True, exist_ok=True)
    pixels = _pixels(image.content)
    with atomic_write(folder / file_name) as file:
        to_pil_image(pixels).save(file, "png")
    for logger in trainer.loggers:
        if isinstance(logger, WandbLogger):
            logger.log_image(image.name, [pixels], caption=[f"epoch {epoch}: {image.caption}"])


def are_images(examples: Tensor) -> bool:
    """Returns whether a batch holds images of 1 or 3 channels, not table rows."""
    return examples.ndim == 4 and examples.shape[1] in _SHOWABLE_CHANNELS


def grid(images: Tensor, columns: int) -> Tensor:
    """Returns images (n, 1 or 3, h, w) as one image (3, ...), with lines between."""
    return make_grid(images, nrow=columns, padding=1, pad_value=0.5)


def new_figure(width: float, height: float) -> Figure:
    """Returns an empty figure, sides in inches, outside of pyplot's global state."""
    figure = Figure(figsize=(width, height), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _pixels(content: Tensor | Figure) -> np.ndarray:
    """Returns the pixels (h, w, 3) as uint8."""
    if isinstance(content, Tensor):
        return content.mul(255).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
    canvas = content.canvas
    assert isinstance(canvas, FigureCanvasAgg)  # by new_figure
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
