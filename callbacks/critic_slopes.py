"""Slopes of the critic and a lower bound of its Lipschitz constant."""

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
    """Logs slopes of the critic f after each training epoch, as score per image unit.

    The points are n real images x_i, n generated images y_i and, with u_i uniform in [0, 1],

        u_i x_i + (1 - u_i) y_i.

    The x_i, the u_i and the latents of the y_i are the same in every epoch. Logged are

    - health/lipschitz_estimate: the largest 2-norm |grad f| at these 3n points. It is a lower bound
      of the Lipschitz constant of f, which may be steeper elsewhere;
    - health/slope_real, health/slope_fake, health/slope_interpolated: the mean |grad f| at the x_i,
      at the y_i and at the points between. A gradient penalty pulls the last one to 1.

    Images have the critic's range [-1, 1], table rows their own. Both networks are in eval mode.
    The first process computes, with the first examples of its first epoch.

    Args:
        num_examples: n, at least 1.
        seed: seed of latents and u_i, at least 0.

    Raises:
        ValueError: if a number is out of its range.
        TypeError: (when a run starts) if the model has no critic with one score per image.
    """

    def __init__(self, num_examples: int = 64, seed: int = 0) -> None:
        check_at_least(1, num_examples=num_examples)
        check_at_least(0, seed=seed)
        self._num_examples = num_examples
        self._seed = seed
        self._examples = FirstExamples(num_examples, "training")

    @property
    def model_protocol(self) -> type:
        return ImageCritic

    def check_model(self, module: LightningModule) -> None:
        super().check_model(module)
        assert provides(module, ImageCritic)  # checked above
        blank = torch.zeros(2, *module.image_shape, device=module.device, dtype=module.dtype)
        with evaluating(module):
            scores = module.critic(blank)
        if not isinstance(scores, Tensor) or scores.numel() != len(blank):
            raise TypeError(
                "CriticSlopes needs a critic with one score for each image, got "
                f"{type(module).__name__} with another output; remove the callback."
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
            pl_module.log_dict(self._slopes(pl_module), rank_zero_only=True)

    def _slopes(self, module: LightningModule) -> dict[str, Tensor]:
        assert provides(module, ImageCritic)  # checked in setup
        images = self._examples.examples().images
        generator = torch.Generator().manual_seed(self._seed)
        z = module.prior.sample(len(images), generator=generator)
        position = torch.rand(len(images), generator=generator)
        with evaluating(module):
            real = module.as_seen(images.to(module.device, module.dtype))
            fake = module.generate(z.to(real))
            interpolated = torch.lerp(
                fake, real, position.to(real).view(-1, *[1] * (real.ndim - 1))
            )
            points = {"real": real, "fake": fake, "interpolated": interpolated}
            norms = {name: slopes(module.critic, x) for name, x in points.items()}
        means = {f"health/slope_{name}": values.mean() for name, values in norms.items()}
        return {"health/lipschitz_estimate": torch.cat([*norms.values()]).max(), **means}


def slopes(critic: nn.Module, x: Tensor) -> Tensor:
    """Returns |grad f| (n,) at n points; the weights get no gradient.

    Args:
        critic: f, with one score per point that does not depend on the other points.
        x: points (n, ...).
    """
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(critic(x).sum(), x)
    return gradient.flatten(1).norm(dim=1)
