"""The channels-last memory format for the weights of convolutions."""

from typing import final

import torch
from lightning import LightningModule, Trainer

from callbacks.base.model_callback import AbstractModelCallback
from callbacks.base.model_networks import model_networks

__all__ = ["ChannelsLast"]


@final
class ChannelsLast(AbstractModelCallback):
    """Converts weights of convolutions to channels-last format when training starts.

    Each convolution then passes its output on in the same format. Values, shapes and names in
    checkpoints do not change. Runs with and without the callback can resume each other, and their
    results agree up to rounding.

    Raises:
        ValueError: (when a run starts) if no network of the model has a convolution of images.
    """

    @property
    def model_protocol(self) -> type:
        return object  # networks of any name

    def check_model(self, module: LightningModule) -> None:
        super().check_model(module)
        networks = model_networks(module).values()
        if not any(weight.ndim == 4 for network in networks for weight in network.parameters()):
            raise ValueError(
                f"ChannelsLast needs a model with convolutions, got {type(module).__name__} "
                "without any; remove the callback."
            )

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        super().setup(trainer, pl_module, stage)
        if stage == "fit":
            for network in model_networks(pl_module).values():
                network.to(memory_format=torch.channels_last)
