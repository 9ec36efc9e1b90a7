"""Gradient norms of critic and generator."""

from typing import final

from lightning import LightningModule, Trainer
from torch import nn
from torch.optim import Optimizer

from callbacks.base.model_callback import AbstractModelCallback
from lightning_modules.interface import AdversarialPair

__all__ = ["GradientNorms"]


@final
class GradientNorms(AbstractModelCallback):
    """Logs train/critic_gradient_norm and train/generator_gradient_norm.

    Each is the 2-norm of a network's gradient before its step and before gradient clipping. A
    precision's loss scale is removed. Norms are computed only for steps that a logger reads: the
    last ones before every `log_every_n_steps`-th batch and before the end of an epoch. The CPU
    waits for the device only with a fused optimizer and a loss scale.

    A norm near 0 means that the network no longer learns. For a generator the usual reason is a
    critic that separates real and fake images perfectly. A norm that keeps growing precedes a loss
    that is not finite; `max_gradient_norm` or a lower learning rate help.

    Raises:
        TypeError: (when a run starts) if the model has no alternating critic and generator.
    """

    @property
    def model_protocol(self) -> type:
        return AdversarialPair

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        is_critic = any(parameters[0] is p for p in pl_module.critic.parameters())
        network = "critic" if is_critic else "generator"
        if pl_module.is_step_read(network):
            gradients = [p.grad for p in parameters if p.grad is not None]
            norm = nn.utils.get_total_norm(gradients) / pl_module.gradient_scale(optimizer)
            pl_module.log(f"train/{network}_gradient_norm", norm)
