"""Samples beside the training examples that are nearest to them."""

import torch
import wandb
from lightning import Trainer
from lightning.pytorch.loggers import WandbLogger
from torch import Tensor, nn
from torchvision.transforms.functional import to_pil_image

from callbacks.base.images import LoggedImage, are_images, grid, show
from metrics import extract_features, nearest

__all__ = ["show_nearest"]


def show_nearest(
    trainer: Trainer,
    latents: Tensor,
    made: Tensor,
    real: Tensor,
    features: nn.Module | None,
    device: torch.device,
) -> None:
    """Shows each sample above its nearest example, and in W&B as a row with latent and novelty.

    Args:
        trainer: knows the run's folder and its loggers.
        latents: (n, d).
        made: what they were decoded to, images or rows, on the CPU.
        real: training examples, on the CPU.
        features: in which distances are taken; pixels, or the features of a row, if None.
        device: where they are taken; `features` is moved there, as a measure that shares it does.
    """
    network = (nn.Flatten() if features is None else features).to(device)
    novelty, index = nearest(*(extract_features(network, x.to(device)) for x in (made, real)))
    found = real[index.cpu()]
    epoch = trainer.current_epoch + 1
    if are_images(made):
        content = grid(torch.cat([made, found]), len(made))
        caption = "history-aware samples above the training images nearest to them"
        show(trainer, LoggedImage("samples/nearest", content, caption), epoch)
    rows = [
        [epoch, latent.tolist(), _cell(sample), _cell(example), float(distance)]
        for latent, sample, example, distance in zip(latents, made, found, novelty, strict=True)
    ]
    columns = ["epoch", "latent", "sample", "nearest training example", "novelty"]
    for logger in trainer.loggers:
        if isinstance(logger, WandbLogger):
            logger.log_table("samples/table", columns=columns, data=rows)


def _cell(example: Tensor) -> object:
    """Returns what a table in W&B shows of a image, or of a row."""
    return wandb.Image(to_pil_image(example)) if example.ndim == 3 else example.tolist()
