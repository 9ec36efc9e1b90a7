"""Samples and the training examples nearest to them, as an image and a table."""

import torch
import wandb
from lightning import Trainer
from lightning.pytorch.loggers import WandbLogger
from torch import Tensor, nn
from torchvision.transforms.functional import to_pil_image

from callbacks.base.images import LoggedImage, are_images, grid, log_image
from metrics import extract_features, nearest

__all__ = ["log_nearest_examples"]


def log_nearest_examples(
    trainer: Trainer,
    latents: Tensor,
    generated: Tensor,
    real: Tensor,
    features: nn.Module | None,
    device: torch.device,
) -> None:
    """Logs samples above their nearest examples, and as a table with novelty in W&B.

    Args:
        trainer: gives the run's folder and its loggers.
        latents: latents (n, d) of the samples.
        generated: samples, images or rows, on the CPU.
        real: training examples, on the CPU.
        features: network for the distances; None for pixels or the features of a row. It is moved
            to `device`.
        device: device of the computation.
    """
    network = (nn.Flatten() if features is None else features).to(device)
    novelty, index = nearest(*(extract_features(network, x.to(device)) for x in (generated, real)))
    neighbors = real[index.cpu()]
    epoch = trainer.current_epoch + 1
    if are_images(generated):
        content = grid(torch.cat([generated, neighbors]), len(generated))
        caption = "samples above the training images nearest to them"
        log_image(trainer, LoggedImage("samples/nearest", content, caption), epoch)
    rows = [
        [epoch, latent.tolist(), _cell(sample), _cell(example), float(distance)]
        for latent, sample, example, distance in zip(
            latents, generated, neighbors, novelty, strict=True
        )
    ]
    columns = ["epoch", "latent", "sample", "nearest training example", "novelty"]
    for logger in trainer.loggers:
        if isinstance(logger, WandbLogger):
            logger.log_table("samples/table", columns=columns, data=rows)


def _cell(example: Tensor) -> object:
    """Returns an image or a row as a cell of a W&B table."""
    return wandb.Image(to_pil_image(example)) if example.ndim == 3 else example.tolist()
