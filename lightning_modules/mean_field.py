"""Mean-field approximation: a product of normals, fitted by either KL divergence.

q(x) = prod_j N(x_j; m_j, s_j^2) minimises, estimated from samples, for a target density p

    reverse:  KL(q || p) = E_q [log q(x) - log p(x)],  x = m + s * noise  (variational Bayes),
    forward:  KL(p || q) = E_p [log p(x) - log q(x)],  x from the data    (matching moments).

The entropy of q is exact. Noise comes in pairs +-e, whose errors in m cancel if log p is quadratic.
For p = N(mu, S), L = S^-1, the reverse fit ends at s_j^2 = 1 / L_jj and the forward fit at S_jj. Of
two modes the reverse fit covers one and the forward fit both.

Source: Bishop 2006, "Pattern recognition and machine learning", sections 10.1 and 10.7; Kingma and
Welling 2013, "Auto-encoding variational Bayes", arXiv 1312.6114, for the reparametrisation.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, final

import torch
from jaxtyping import Float
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn

from hawc import StandardNormal
from hawc.targets import AbstractTarget
from lightning_modules.base.checks import check_at_least_one, check_choice, check_sizes
from lightning_modules.base.errors import TrainingError
from lightning_modules.base.one_loss import AbstractOneLoss
from lightning_modules.interface import HasDensity, ImageShape, provides

__all__ = ["MeanField"]

Direction = Literal["reverse", "forward"]

LogDensity = Callable[[Float[Tensor, "n d"]], Float[Tensor, " n"]]


@final
class MeanField(AbstractOneLoss):
    """A product of normal distributions, fitted to data with a known density.

    Logs loss, reverse_kl and forward_kl, estimated from samples, in nats, and mean and standard
    deviation of each coordinate. As a generator it maps N(0, I) to q.

    Args:
        image_shape: (d,), of one row.
        direction: "reverse" minimises KL(q || p), "forward" KL(p || q).
        start: initial mean of q, one number per coordinate; 0 if None. Halfway between two modes a
            reverse fit may stay where both attract it equally.
        start_std: initial standard deviation of q, > 0.
        num_samples: samples of q in a step, even, at least 2.
        optimizer: of means and log standard deviations.
        scheduler: of the learning rate, stepped after each epoch; None: a constant rate.

    Raises:
        ValueError: if an argument is out of its range.
        TrainingError: (when a run starts) if the data have no `log_density`, (in a step) if the
            loss is not finite or points have another shape.
    """

    needs_density: ClassVar[Literal[True]] = True
    """Checked by the command line before anything is written."""

    def __init__(
        self,
        image_shape: ImageShape,
        direction: Direction = "reverse",
        start: Sequence[float] | None = None,
        start_std: float = 1.0,
        num_samples: int = 256,
        optimizer: OptimizerCallable = lambda p: torch.optim.Adam(p, lr=0.05),
        scheduler: LRSchedulerCallable | None = None,
    ) -> None:
        check_sizes(image_shape, 1)
        dim = math.prod(image_shape)
        if len(image_shape) != 1 or (start is not None and len(start) != dim):
            raise ValueError(
                "`image_shape` must be (d,) and `start` have d numbers, got "
                f"{tuple(image_shape)} and {start}; images cannot be fitted."
            )
        mean = torch.as_tensor([0.0] * dim if start is None else start, dtype=torch.float32)
        if not mean.isfinite().all():
            raise ValueError(f"`start` must be finite numbers, got {start}; try 0 in each place.")
        check_choice("direction", direction, Direction)
        if not 0 < start_std < math.inf:
            raise ValueError(f"`start_std` must be > 0 and finite, got {start_std}; try 1.")
        check_at_least_one("num_samples", num_samples)
        if num_samples % 2:
            raise ValueError(
                f"`num_samples` must be even, since samples come in pairs, got {num_samples}."
            )
        super().__init__(image_shape, optimizer, scheduler)
        self.latent_dim = dim
        self.mean = nn.Parameter(mean.clone())
        self.log_std = nn.Parameter(torch.full((dim,), math.log(start_std)))
        self._direction = direction
        self._num_samples = num_samples
        self._log_density: LogDensity | None = None

    @property
    def prior(self) -> AbstractTarget:
        return StandardNormal(self.latent_dim)

    def decode(self, z: Tensor) -> Tensor:
        """Maps latents (n, d) of N(0, I) to rows (n, d) of the distribution q."""
        return self.mean + self.log_std.exp() * z

    def log_q(self, points: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Returns the log density of q at each point."""
        scaled = (points - self.mean) * torch.exp(-self.log_std)
        constant = self.log_std.sum() + 0.5 * self.latent_dim * math.log(2 * math.pi)
        return -0.5 * scaled.square().sum(1) - constant

    def losses(self, images: Float[Tensor, "n d"]) -> dict[str, Tensor]:
        """Returns the loss, both divergences and the parameters of q, for samples of p."""
        assert self._log_density is not None  # set in setup
        std = self.log_std.exp()
        parameters = {f"mean_{j}": self.mean[j] for j in range(self.latent_dim)}
        parameters |= {f"std_{j}": std[j] for j in range(self.latent_dim)}
        return {**self.divergences(images, self._log_density), **parameters}

    def divergences(
        self, points: Float[Tensor, "n d"], log_density: LogDensity
    ) -> dict[str, Tensor]:
        """Returns "loss", "reverse_kl" and "forward_kl", estimates that may be negative.

        Args:
            points: samples of p.
            log_density: of p.
        """
        half = torch.randn(self._num_samples // 2, self.latent_dim, device=self.device)
        samples = self.decode(torch.cat((half, -half)))
        entropy = self.log_std.sum() + 0.5 * self.latent_dim * math.log(2 * math.pi * math.e)
        reverse = -entropy - log_density(samples).mean()
        forward = (log_density(points) - self.log_q(points)).mean()
        loss = reverse if self._direction == "reverse" else forward
        return {"loss": loss, "reverse_kl": reverse, "forward_kl": forward}

    def setup(self, stage: str) -> None:
        datamodule: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        if not provides(datamodule, HasDensity):
            raise TrainingError(
                "MeanField needs data with a known density, got "
                f"{type(datamodule).__name__}, which has no `log_density`; use GaussianEllipse or "
                "Gaussians2."
            )
        self._log_density = datamodule.log_density
