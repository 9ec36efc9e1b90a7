"""How many modes of a known mixture of Gaussians a generator covers."""

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
from callbacks.base.images import LoggedImage, log_image, new_figure
from lightning_modules.interface import LatentGenerator, provides

__all__ = ["CoveredModes", "mode_statistics"]

_SIGMAS = 4.0


@final
class CoveredModes(AbstractGeneratorCallback):
    """Logs how many modes of a mixture of Gaussians the generator covers.

    The data module provides `modes`, a tensor (k, d), and `mode_std`, the standard deviation sigma
    of each mode along each axis. After each training epoch `num_samples` samples of the same
    latents are decoded, and logged are

    - modes/covered: modes with at least `least_samples` samples within 4 sigma, out of k;
    - modes/share_within_4_sigma: samples within 4 sigma of a mode (0.9997 for real data in two
      dimensions);
    - modes/smallest_relative_weight: k times the share of samples within 4 sigma of the mode with
      the fewest; 1 if the modes are equally frequent.

    Every `every_n_epochs` epochs and after the last one the callback plots samples and modes in the
    first two dimensions. The figure goes to <run folder>/images/epoch-NNNN-modes.png, and to W&B as
    "images/modes". Only the first process computes and logs.

    Args:
        num_samples: number of samples, at least 1.
        least_samples: samples within 4 sigma of a covered mode, at least 1. Papers use 1, which
            also counts a mode that lies on a path of samples between two others. A tenth of
            `num_samples` / k does not count it.
        every_n_epochs: interval of the images in training epochs, at least 1.
        seed: seed of the latents, at least 0.
        use_ema: whether to decode by the average of the callback GeneratorEMA, as soon as it has
            one.

    Raises:
        ValueError: if a number is out of its range, or (when a run starts) if the data have no
            known modes or `use_ema` is set without a GeneratorEMA.
        TypeError: (when a run starts) if the model has no `prior` or `decode`.

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
        self._last_epoch, self._logged_epoch = 0, 0

    def check_surroundings(
        self, callbacks: Sequence[Callback], datamodule: LightningDataModule | None
    ) -> None:
        if not (hasattr(datamodule, "modes") and hasattr(datamodule, "mode_std")):
            raise ValueError(
                "CoveredModes needs data with `modes` and `mode_std`, such as a mixture of "
                f"Gaussians, got {type(datamodule).__name__}; remove the callback."
            )
        super().check_surroundings(callbacks, datamodule)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        super().setup(trainer, pl_module, stage)
        self._last_epoch = self._logged_epoch = 0

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._last_epoch = trainer.current_epoch + 1
        if not trainer.is_global_zero:
            return
        samples, (modes, std) = self._samples(trainer, pl_module), _modes_and_std(trainer)
        statistics = mode_statistics(samples, modes, std, self._least_samples)
        pl_module.log_dict(
            {f"modes/{name}": value for name, value in statistics.items()}, rank_zero_only=True
        )
        if self._last_epoch % self._every_n_epochs == 0:
            self._log_figure(trainer, samples)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero and self._logged_epoch != self._last_epoch:
            self._log_figure(trainer, self._samples(trainer, pl_module))

    def _samples(self, trainer: Trainer, module: LightningModule) -> Tensor:
        assert provides(module, LatentGenerator)  # checked in setup
        generator = torch.Generator().manual_seed(self._seed)
        z = module.prior.sample(self._num_samples, generator=generator)
        with self.decoding(trainer, module):
            return decode(module, z).flatten(1)

    def _log_figure(self, trainer: Trainer, samples: Tensor) -> None:
        self._logged_epoch = self._last_epoch
        modes, std = _modes_and_std(trainer)
        statistics = mode_statistics(samples, modes, std, self._least_samples)
        caption = (
            f"{statistics['covered']:.0f} of {len(modes)} modes, "
            f"{statistics['share_within_4_sigma']:.1%} of {len(samples)} samples within 4 sigma"
        )
        figure = _figure(samples, modes, caption)
        log_image(trainer, LoggedImage("images/modes", figure, caption), self._last_epoch)


def mode_statistics(
    samples: Float[Tensor, "n d"],
    modes: Float[Tensor, "k d"],
    std: float,
    least_samples: int = 1,
) -> dict[str, float]:
    """Returns the numbers that `CoveredModes` logs, without the prefix "modes/".

    Args:
        samples: at least one sample; each belongs to its nearest mode.
        modes: centres of the modes.
        std: standard deviation of each mode along each axis, > 0.
        least_samples: samples within 4 sigma of a covered mode, at least 1.
    """
    distances, nearest = torch.cdist(samples, modes).min(1)
    counts = torch.bincount(nearest[distances <= _SIGMAS * std], minlength=len(modes))
    return {
        "covered": float((counts >= least_samples).sum()),
        "share_within_4_sigma": float(counts.sum()) / len(samples),
        "smallest_relative_weight": float(counts.min()) * len(modes) / len(samples),
    }


def _modes_and_std(trainer: Trainer) -> tuple[Tensor, float]:
    data: Any = trainer.datamodule
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
