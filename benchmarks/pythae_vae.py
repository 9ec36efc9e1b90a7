"""The VAE of pythae, a library of autoencoders, on this project's networks.

pythae is no dependency: `pip install pythae` beside the project to compare with it.
"""

import logging
import tempfile
from collections.abc import Callable
from typing import Any

import torch
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback
from torch import Tensor, nn

__all__ = ["data_set", "model", "train"]


class _Encoder(BaseEncoder):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> ModelOutput:
        mean, log_variance = self.network(x).chunk(2, dim=1)
        return ModelOutput(embedding=mean, log_covariance=log_variance)


class _Decoder(BaseDecoder):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, z: Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=self.network(z).sigmoid())


class _Ticks(TrainingCallback):
    def __init__(self, tick: Callable[[], None]) -> None:
        self._tick = tick

    def on_train_step_end(self, training_config: BaseTrainerConfig, **_: Any) -> None:
        self._tick()


def data_set(images: Tensor) -> BaseDataset:
    """Returns uint8 images as a data set of pythae, in [0, 1]."""
    return BaseDataset(images.float().div_(255), torch.zeros(len(images)))


def model(encoder: nn.Module, decoder: nn.Module, latent_dim: int) -> VAE:
    """Returns pythae's VAE with this project's loss and networks."""
    config = VAEConfig(input_dim=(1, 28, 28), latent_dim=latent_dim, reconstruction_loss="bce")
    return VAE(config, _Encoder(encoder), _Decoder(decoder))


def train(vae: VAE, data: BaseDataset, batch_size: int, tick: Callable[[], None]) -> None:
    """Trains for an epoch with pythae's default trainer: Adam, progress bar, no workers."""
    with tempfile.TemporaryDirectory() as folder:
        config = BaseTrainerConfig(
            output_dir=folder,
            per_device_train_batch_size=batch_size,
            num_epochs=1,
            learning_rate=1e-3,
            no_cuda=True,
        )
        logging.disable(logging.INFO)
        try:
            BaseTrainer(vae, data, training_config=config, callbacks=[_Ticks(tick)]).train()
        finally:
            logging.disable(logging.NOTSET)
