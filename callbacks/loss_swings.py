"""Whether losses swing: the sign that critic and generator chase each other."""

from typing import Any, final

import torch
from jaxtyping import Float
from lightning import LightningModule, Trainer
from torch import Tensor

from callbacks.base.checks import check_at_least
from callbacks.base.model_callback import AbstractModelCallback
from lightning_modules.interface import AdversarialPair

__all__ = ["LossSwings", "swing"]

_FEWEST = 10  # readings; of fewer the number says nothing


@final
class LossSwings(AbstractModelCallback):
    """Logs after each training epoch how much the losses swing, slow against fast.

    Of the latest `num_readings` values l_t of train/critic_loss and train/generator_loss as a
    logger sees them, every `log_every_n_steps`-th batch,

        swing = sqrt(mean_t r_t^2) / mean_t |r_(t+1) - r_t|,    r: what a straight line leaves of l,

    is logged as health/critic_loss_swing and health/generator_loss_swing. It compares how far a
    loss strays with how far it jumps from one reading to the next:

    - sqrt(pi) / 2 = 0.89 for independent normal noise about a trend, whatever its size;
    - below, down to 0.5, if it flips at every reading;
    - p / (4 sqrt(2)) for waves of p readings: above 2 for p > 11. A critic and a generator that
      circle about their equilibrium look like this. A lower learning rate, more critic steps or a
      gradient penalty damp it.

    Readings stay in the checkpoint and, while they are collected, on the device. Nothing is logged
    before there are ten.

    Args:
        num_readings: at least 10. Waves longer than these cannot be told from a trend.

    Raises:
        ValueError: if `num_readings` is too small.
        TypeError: (when a run starts) if the model has no critic and generator moved in turn.
    """

    def __init__(self, num_readings: int = 100) -> None:
        check_at_least(_FEWEST, num_readings=num_readings)
        self._num_readings = num_readings
        self._readings: dict[str, list[Tensor]] = {"critic": [], "generator": []}
        self._seen = {"critic": 0, "generator": 0}  # steps whose losses were read

    @property
    def needs(self) -> type:
        return AdversarialPair

    def state_dict(self) -> dict[str, Any]:
        readings = {name: [float(v) for v in values] for name, values in self._readings.items()}
        return {"readings": readings, "seen": self._seen}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for name, values in state_dict["readings"].items():
            self._readings[name] = [torch.tensor(value) for value in values]
        self._seen = dict(state_dict["seen"])

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        interval = max(trainer.log_every_n_steps, 1)  # 0 is how Lightning spells never
        if pl_module.batch_count % interval:
            return
        steps = {"critic": pl_module.critic_step, "generator": pl_module.generator_step}
        for network, step in steps.items():
            if step != self._seen[network]:  # its loss is a new one
                self._seen[network] = int(step)
                self._read(network, trainer.callback_metrics)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for name, values in self._readings.items():
            if len(values) >= _FEWEST:
                found = swing(torch.stack([v.cpu() for v in values]))
                pl_module.log(f"health/{name}_loss_swing", found, rank_zero_only=True)

    def _read(self, network: str, logged: dict[str, Tensor]) -> None:
        value = logged.get(f"train/{network}_loss")
        if value is not None:
            kept = self._readings[network][1 - self._num_readings :]
            self._readings[network] = [*kept, value.detach().float()]


def swing(values: Float[Tensor, " n"]) -> float:
    """Returns how far values stray from their straight line by how far they jump; 0 on a line.

    Args:
        values: at least three, one after another.
    """
    values = values.double()
    time = torch.linspace(-1, 1, len(values), dtype=values.dtype)
    centerd = values - values.mean()
    rest = centerd - (centerd @ time) / (time @ time) * time
    jumps = rest.diff().abs().mean()
    scale = torch.finfo(torch.float32).eps * values.abs().max()  # what rounding leaves of a line
    return float(rest.square().mean().sqrt() / jumps) if jumps > scale else 0.0
