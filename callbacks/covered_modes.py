"""How many modes of a known distribution a generator reaches, and how well."""

from collections.abc import Sequence
from typing import Any, final

import torch
from jaxtyping import Float
from lightning import Callback, LightningDataModule, LightningModule, Trainer
from matplotlib.figure import Figure
from torch import Tensor

from callbacks.base.checks import check_at_least
from callbacks.base.decoding import decode
from callbacks.base.generator_callback import AbstractGeneratorCallback
from callbacks.base.images import LoggedImage, new_figure, show
from lightning_modules.interface import HasModes, LatentGenerator, provides

__all__ = ["CoveredModes", "mode_statistics"]

_SIGMAS = 4.0


@final
class CoveredModes(AbstractGeneratorCallback):
    """Logs after each training epoch how many modes of a mixture of Gaussians are reached.

    The data module says where they are: `modes`, a tensor (k, d), and `mode_std`, the standard
    deviation sigma of each along each axis. Of `num_samples` samples, always of the same latents,

    - modes/covered: modes with at least `least_samples` samples within 4 sigma, of k;
    - modes/share_within_4_sigma: samples within 4 sigma of a mode (of real data in two dimensions
      0.9997);
    - modes/smallest_weight: k times the share of samples within 4 sigma of the mode that has
      fewest; 1 if all have as many as they should.

    A image of the samples over the modes goes to <run folder>/images as epoch-NNNN-modes.png
    and to W&B as "images/modes", every `every_n_epochs` epochs and at the end, in the first two
    dimensions. The first process measures and draws.

    Args:
        num_samples: at least 1.
        least_samples: within 4 sigma that make a mode covered, at least 1. One, as usual in papers,
            also counts a mode that is merely crossed on the way between two others; a tenth of
            `num_samples` / k leaves out such.
        every_n_epochs: interval of images in training epochs, at least 1.
        seed: of the latents, at least 0.
        use_ema: whether samples are those of the average that the callback GeneratorEMA keeps, once
            there is one.

    Raises:
        ValueError: if a number is out of its range, or (when a run starts) if the data have no
            known modes or `use_ema` is set without a GeneratorEMA.
        TypeError: (when a run starts) if the model cannot be sampled.

    Source: Srivastava et al. 2017, "VEEGAN", arXiv 1705.07761, section 4.1: 2500 samples, 3 sigma.
    """

    def __init__(
        self,
        num_samples: int = 2500,
        least_samples: int = 1,
        every_n_epochs: int = 5,
        seed: int = 0,
        use_ema: bool = False,
    ) -> None:
        super().__init__(use_ema)
        check_at_least(
            1, num_samples=num_samples, least_samples=least_samples, every_n_epochs=every_n_epochs
        )
        check_at_least(0, seed=seed)
        self._num_samples = num_samples
        self._least_samples = least_samples
        self._every_n_epochs = every_n_epochs
        self._seed = seed
        self._last_epoch, self._shown_epoch = 0, 0

    def check_surroundings(
        self, callbacks: Sequence[Callback], datamodule: LightningDataModule | None
    ) -> None:
        if not provides(datamodule, HasModes):
            raise ValueError(
                "CoveredModes needs data with `modes` and `mode_std`, which a mixture of Gaussians "
                f"has and {type(datamodule).__name__} has not; remove the callback."
            )
        super().check_surroundings(callbacks, datamodule)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        super().setup(trainer, pl_module, stage)
        self._last_epoch = self._shown_epoch = 0

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._last_epoch = trainer.current_epoch + 1
        if not trainer.is_global_zero:
            return
        samples, (modes, std) = self._samples(trainer, pl_module), _known(trainer)
        statistics = mode_statistics(samples, modes, std, self._least_samples)
        pl_module.log_dict(
            {f"modes/{name}": value for name, value in statistics.items()}, rank_zero_only=True
        )
        if self._last_epoch % self._every_n_epochs == 0:
            self._show(trainer, samples)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero and self._shown_epoch != self._last_epoch:
            self._show(trainer, self._samples(trainer, pl_module))

    def _samples(self, trainer: Trainer, module: LightningModule) -> Tensor:
        assert provides(module, LatentGenerator)  # setup has seen to it
        generator = torch.Generator().manual_seed(self._seed)
        z = module.prior.sample(self._num_samples, generator=generator)
        with self.decoding(trainer, module):
            return decode(module, z).flatten(1)

    def _show(self, trainer: Trainer, samples: Tensor) -> None:
        self._shown_epoch = self._last_epoch
        modes, std = _known(trainer)
        found = mode_statistics(samples, modes, std, self._least_samples)
        caption = (
            f"{found['covered']:.0f} of {len(modes)} modes, "
            f"{found['share_within_4_sigma']:.1%} of {len(samples)} samples within 4 sigma"
        )
        figure = _figure(samples, modes, caption)
        show(trainer, LoggedImage("images/modes", figure, caption), self._last_epoch)


def mode_statistics(
    samples: Float[Tensor, "n d"],
    modes: Float[Tensor, "k d"],
    std: float,
    least_samples: int = 1,
) -> dict[str, float]:
    """Returns what `CoveredModes` logs, without "modes/".

    Args:
        samples: n at least 1; each belongs to the nearest mode.
        modes: centres.
        std: of each mode along each axis, > 0.
        least_samples: within 4 sigma that make a mode covered.
    """
    distances, nearest = torch.cdist(samples, modes).min(1)
    counts = torch.bincount(nearest[distances <= _SIGMAS * std], minlength=len(modes))
    return {
        "covered": float((counts >= least_samples).sum()),
        "share_within_4_sigma": float(counts.sum()) / len(samples),
        "smallest_weight": float(counts.min()) * len(modes) / len(samples),
    }


def _known(trainer: Trainer) -> tuple[Tensor, float]:
    data: Any = trainer.datamodule
    assert provides(data, HasModes)  # checked in setup
    return data.modes.float().cpu(), float(data.mode_std)


def _figure(samples: Tensor, modes: Tensor, caption: str) -> Figure:
    figure = new_figure(6.4, 6.4)
    axes = figure.subplots()
    if modes.shape[1] == 1:
        axes.hist(samples[:, 0].numpy(), 100, density=True)
        axes.plot(modes[:, 0], torch.zeros(len(modes)), "k+", ms=10)
    else:
        axes.scatter(*samples[:, :2].T, s=4, linewidths=0, alpha=0.5, label="samples")
        axes.scatter(*modes[:, :2].T, s=60, c="k", marker="+", linewidths=1, label="modes")
        axes.set_aspect("equal", adjustable="datalim")
        axes.legend(loc="upper right")
    axes.set_title(caption, fontsize=10)
    return figure
