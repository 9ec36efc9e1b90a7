"""How large the gradients of both networks are."""

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

    Each is the 2-norm of a network's whole gradient before its step, before it is clipped and,
    where a precision scales losses, after that is undone. They are computed for those steps alone
    whose values a logger reads: the last ones before every `log_every_n_steps`-th batch, and of an
    epoch. Nothing waits for the device, but for the scale of a fused optimizer's losses.

    A norm that goes to 0 says that a network has stopped learning, for a generator mostly since the
    critic is sure of everything; one that grows without end announces a loss that is not finite,
    against which `max_gradient_norm` or a lower learning rate help.

    Raises:
        TypeError: (when a run starts) if the model has no critic and generator moved in turn.
    """

    @property
    def needs(self) -> type:
        return AdversarialPair

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        is_critic = any(parameters[0] is p for p in pl_module.critic.parameters())
        network = "critic" if is_critic else "generator"
        if pl_module.is_step_logged(network):
            gradients = [p.grad for p in parameters if p.grad is not None]
            norm = nn.utils.get_total_norm(gradients) / pl_module.gradient_scale(optimizer)
            pl_module.log(f"train/{network}_gradient_norm", norm)
