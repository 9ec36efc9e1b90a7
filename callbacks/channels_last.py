"""Weights of convolutions with their channels last in memory."""

from typing import final

import torch
from lightning import LightningModule, Trainer

from callbacks.base.model_callback import AbstractModelCallback
from callbacks.base.model_networks import model_networks

__all__ = ["ChannelsLast"]


@final
class ChannelsLast(AbstractModelCallback):
    """Lays the weights of convolutions out with channels last in memory, when training starts.

    Shapes and values stay, and so do names in checkpoints; each convolution then hands its output
    on in the same layout. Runs with and without it resume each other; results agree up to rounding.

    Raises:
        ValueError: (when a run starts) if no network of the model has a convolution of images.
    """

    @property
    def needs(self) -> type:
        return object  # networks of any name

    def check_model(self, module: LightningModule) -> None:
        super().check_model(module)
        networks = model_networks(module).values()
        if not any(weight.ndim == 4 for network in networks for weight in network.parameters()):
            raise ValueError(
                "ChannelsLast needs a model with convolutions, got "
                f"{type(module).__name__} whose weights have none; remove the callback."
            )

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        super().setup(trainer, pl_module, stage)
        if stage == "fit":
            for network in model_networks(pl_module).values():
                network.to(memory_format=torch.channels_last)
