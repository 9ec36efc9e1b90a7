"""Oscillation of the losses of critic and generator."""

from typing import Any, final

import torch
from jaxtyping import Float
from lightning import LightningModule, Trainer
from torch import Tensor

from callbacks.base.checks import check_at_least
from callbacks.base.model_callback import AbstractModelCallback
from hawc.arguments import whole_number
from lightning_modules.interface import AdversarialPair

__all__ = ["LossSwings", "swing"]

_MIN_READINGS = 10  # with fewer the swing is meaningless


@final
class LossSwings(AbstractModelCallback):
    """Logs after each training epoch how much the losses oscillate slowly.

    The callback reads train/critic_loss and train/generator_loss at every `log_every_n_steps`-th
    batch. Let r_t be the residuals of the latest `num_readings` values about a straight line. The
    swing, logged as health/critic_loss_swing and health/generator_loss_swing, is

        swing = sqrt(mean_t r_t^2) / mean_t |r_(t+1) - r_t|.

    It compares the deviation from the trend with the step from one reading to the next:

    - sqrt(pi) / 2 = 0.89 for independent normal noise of any size;
    - smaller, down to 0.5, if the loss alternates at every reading;
    - p / (4 sqrt(2)) for waves with a period of p readings, so above 2 for p > 11. Such waves
      appear when critic and generator circle about their equilibrium. A lower learning rate, more
      critic steps or a gradient penalty damp them.

    Readings are part of the checkpoint, and are kept on the device. Nothing is logged before there
    are ten.

    Args:
        num_readings: number of readings, at least 10. Longer waves look like a trend.

    Raises:
        ValueError: if `num_readings` is too small.
        TypeError: (when a run starts) if the model has no alternating critic and generator.
    """

    def __init__(self, num_readings: int = 100) -> None:
        check_at_least(_MIN_READINGS, num_readings=num_readings)
        self._num_readings = num_readings
        self._readings: dict[str, list[Tensor]] = {"critic": [], "generator": []}
        self._seen = {"critic": 0, "generator": 0}  # latest step whose loss was read

    @property
    def model_protocol(self) -> type:
        return AdversarialPair

    def state_dict(self) -> dict[str, Any]:
        readings = {name: [float(v) for v in values] for name, values in self._readings.items()}
        return {"readings": readings, "seen": self._seen}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        readings, seen = state_dict["readings"], state_dict["seen"]
        self._readings = {n: [torch.tensor(float(v)) for v in readings[n]] for n in self._readings}
        self._seen = {name: whole_number("seen", seen[name], 0) for name in self._seen}

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        interval = max(trainer.log_every_n_steps, 1)  # Lightning uses 0 for never
        if pl_module.batch_count % interval:
            return
        steps = {"critic": pl_module.critic_step, "generator": pl_module.generator_step}
        for network, step in steps.items():
            if step != self._seen[network]:
                self._seen[network] = int(step)
                self._read(network, trainer.callback_metrics)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for name, values in self._readings.items():
            if len(values) >= _MIN_READINGS:
                value = swing(torch.stack([v.cpu() for v in values]))
                pl_module.log(f"health/{name}_loss_swing", value, rank_zero_only=True)

    def _read(self, network: str, logged: dict[str, Tensor]) -> None:
        value = logged.get(f"train/{network}_loss")
        if value is not None:
            kept = self._readings[network][1 - self._num_readings :]
            self._readings[network] = [*kept, value.detach().float()]


def swing(values: Float[Tensor, " n"]) -> float:
    """Returns the deviation from a line relative to the steps; 0 for a line.

    `LossSwings` has the formula.

    Args:
        values: at least three consecutive values.
    """
    values = values.double()
    time = torch.linspace(-1, 1, len(values), dtype=values.dtype)
    centered = values - values.mean()
    residual = centered - (centered @ time) / (time @ time) * time
    jumps = residual.diff().abs().mean()
    scale = torch.finfo(torch.float32).eps * values.abs().max()  # rounding error of a line
    return float(residual.square().mean().sqrt() / jumps) if jumps > scale else 0.0
