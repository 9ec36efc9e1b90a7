"""Lightning's loop around the steps of benchmarks/bare_loops.py, without its other parts."""

import tempfile
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn

from benchmarks.bare_loops import LOOPS, Setting, adam, autoencoder_loop, freeze
from benchmarks.phases import Tick

__all__ = ["train_alone"]


class _Autoencoder(LightningModule):
    def __init__(self, setting: Setting, loss: Any, outputs: int) -> None:
        super().__init__()
        self.encoder = setting.encoder(setting.shape, outputs * setting.latent_dim)
        self.decoder = setting.decoder(setting.shape, setting.latent_dim)
        self.loss = partial(loss, setting, self.encoder, self.decoder)

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        return self.loss(batch)

    def configure_optimizers(self) -> Any:
        return adam(self)


class _Pair(LightningModule):
    def __init__(self, setting: Setting, make_critic: Any, *losses: Any) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.latent_dim = setting.latent_dim
        self.generator = setting.as_generator(setting.decoder(setting.shape, setting.latent_dim))
        self.critic: nn.Module = make_critic(setting)
        self.critic_loss, self.generator_loss, self.constrain = losses

    def training_step(self, batch: Tensor, batch_idx: int) -> None:
        critic_optimizer, generator_optimizer = self.optimizers()  # type: ignore[misc]
        with torch.no_grad():
            fake = self.generator(torch.randn(len(batch), self.latent_dim))
        self._descend(critic_optimizer, self.critic_loss(self.critic, batch, fake))
        self.constrain(self.critic)
        freeze(self.critic, True)
        fake = self.generator(torch.randn(len(batch), self.latent_dim))
        self._descend(generator_optimizer, self.generator_loss(self.critic, fake))
        freeze(self.critic, False)

    def _descend(self, optimizer: Any, loss: Tensor) -> None:
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()

    def configure_optimizers(self) -> Any:
        return [adam(self.critic), adam(self.generator)]


class _Batches:
    def __init__(self, setting: Setting, signed: bool) -> None:
        self._setting, self._signed = setting, signed

    def __len__(self) -> int:
        return self._setting.num_steps

    def __iter__(self) -> Iterator[Tensor]:
        return self._setting.batches(signed=self._signed)


class _Ticking(Callback):
    def __init__(self, tick: Tick) -> None:
        self._tick = tick

    def on_train_batch_end(self, *_: Any) -> None:
        self._tick()


def train_alone(model: str, setting: Setting, tick: Tick) -> None:
    """Trains a model of benchmarks/bare_loops.py, but DiscoGAN, by Lightning's trainer."""
    loop = LOOPS[model]
    assert isinstance(loop, partial)
    is_autoencoder = loop.func is autoencoder_loop
    module = (_Autoencoder if is_autoencoder else _Pair)(setting, *loop.args)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=_Ticking(tick),
            default_root_dir=folder,
        )
        trainer.fit(module, _Batches(setting, signed=not is_autoencoder))
