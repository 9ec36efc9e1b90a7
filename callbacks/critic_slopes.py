"""How steep the critic is: the estimate of its Lipschitz constant."""

from typing import Any, final

import torch
from lightning import LightningModule, Trainer
from torch import Tensor, nn

from callbacks.base.checks import check_at_least
from callbacks.base.decoding import evaluating
from callbacks.base.first_examples import FirstExamples
from callbacks.base.model_callback import AbstractModelCallback
from lightning_modules.interface import ImageCritic, provides

__all__ = ["CriticSlopes", "slopes"]


@final
class CriticSlopes(AbstractModelCallback):
    """Logs after each training epoch how steep the critic f is, in score per unit of images.

    With real images x_i, the same n in each epoch, the generator's images y_i of the same
    latents, and points u_i x_i + (1 - u_i) y_i between them with the same u_i, it logs

    - health/lipschitz_estimate: the largest |grad f| at all of these 3n points, 2-norm. It is a
      lower bound of f's Lipschitz constant, and no more: f may be steeper elsewhere;
    - health/slope_real, health/slope_fake, health/slope_between: the mean |grad f| at the x_i, the
      y_i and the points between, the last being what a gradient penalty pulls to 1.

    Images are as the critic sees them, in [-1, 1], table rows as they are; both networks are in
    eval mode. The first process computes, of the first examples of its first epoch.

    Args:
        num_examples: n, at least 1.
        seed: of latents and u_i, at least 0.

    Raises:
        ValueError: if a number is out of its range.
        TypeError: (when a run starts) if the model has no critic that gives a image one score.
    """

    def __init__(self, num_examples: int = 64, seed: int = 0) -> None:
        check_at_least(1, num_examples=num_examples)
        check_at_least(0, seed=seed)
        self._num_examples = num_examples
        self._seed = seed
        self._examples = FirstExamples(num_examples, "training")

    @property
    def needs(self) -> type:
        return ImageCritic

    def check_model(self, module: LightningModule) -> None:
        super().check_model(module)
        assert provides(module, ImageCritic)  # just checked
        blank = torch.zeros(2, *module.image_shape, device=module.device, dtype=module.dtype)
        with evaluating(module):
            scores = module.critic(blank)
        if not isinstance(scores, Tensor) or scores.numel() != len(blank):
            raise TypeError(
                f"CriticSlopes needs a critic with one score for each image; that of "
                f"{type(module).__name__} has another output. Remove the callback."
            )

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        super().setup(trainer, pl_module, stage)
        self._examples = FirstExamples(self._num_examples, "training")

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if trainer.is_global_zero:
            self._examples.add(batch)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._examples.end_pass()
        if len(self._examples):
            pl_module.log_dict(self._measured(pl_module), rank_zero_only=True)

    def _measured(self, module: LightningModule) -> dict[str, Tensor]:
        assert provides(module, ImageCritic)  # setup has seen to it
        images = self._examples.items().images
        generator = torch.Generator().manual_seed(self._seed)
        z = module.prior.sample(len(images), generator=generator)
        position = torch.rand(len(images), generator=generator)
        with evaluating(module):
            real = module.to_network_range(images.to(module.device, module.dtype))
            fake = module.generate(z.to(real))
            between = torch.lerp(fake, real, position.to(real).view(-1, *[1] * (real.ndim - 1)))
            points = {"real": real, "fake": fake, "between": between}
            found = {name: slopes(module.critic, x) for name, x in points.items()}
        means = {f"health/slope_{name}": values.mean() for name, values in found.items()}
        return {"health/lipschitz_estimate": torch.cat([*found.values()]).max(), **means}


def slopes(critic: nn.Module, x: Tensor) -> Tensor:
    """Returns |grad f| (n,) at each of n points, in their dtype; leaves no gradient in weights.

    Args:
        critic: f, one score for each point, which no other point may change.
        x: (n, ...).
    """
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(critic(x).sum(), x)
    return gradient.flatten(1).norm(dim=1)
